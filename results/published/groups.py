"""Groups published numbers into table rows, and finds the column that each number fits into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..metrics.registry import IMAGE_METRICS, MATRIX_METRICS, PIXEL_METRICS, stored_name
from ..rendering.table import Marked, Value
from .rows import NOT_CONTINUAL, PublishedRow

FORGETTING = "printed forgetting"
"""Heading of the column for forgetting as a source prints it; our metrics have other columns."""

CHECKED_NOTE = (
    "checked: source = read in the source itself, secondary = read in another "
    "publication or notes, leakage = an epoch or a threshold was chosen on test data, unreliable = "
    "the source contradicts itself or another one"
)

_BASES = {f"image_{name}": name for name in IMAGE_METRICS} | {name: name for name in PIXEL_METRICS}
"""Published metric -> our category metric."""


@dataclass(frozen=True)
class PublishedGroup:
    """The numbers that one source prints for one method on one stream."""

    rows: tuple[PublishedRow, ...]

    @property
    def first(self) -> PublishedRow:
        return self.rows[0]

    @property
    def stream(self) -> tuple[str, str]:
        """(dataset, schedule). The schedule is empty if the numbers are not continual."""
        return self.first.dataset, self.first.schedule

    @property
    def by_quantity(self) -> Mapping[str, PublishedRow]:
        """Map the name of our quantity with the same definition to the published row."""
        named = {matching_quantity(row): row for row in self.rows}
        return {name: row for name, row in named.items() if name is not None}

    @property
    def forgetting(self) -> PublishedRow | None:
        """The printed loss of image AUROC."""
        return self.forgetting_of("image_auroc")

    def forgetting_of(self, metric: str) -> PublishedRow | None:
        """Return the printed loss of a metric."""
        printed = (row for row in self.rows if row.metric == "forgetting" and row.of == metric)
        return next(printed, None)


def group_rows(rows: Iterable[PublishedRow]) -> list[PublishedGroup]:
    """Group rows by source, method and stream, in the order of their first rows."""
    groups: dict[tuple[str, ...], list[PublishedRow]] = {}
    for row in rows:
        key = (row.source, row.method, row.protocol, row.dataset, row.schedule, row.routing)
        groups.setdefault(key, []).append(row)
    return [PublishedGroup(tuple(group)) for group in groups.values()]


def matching_quantity(row: PublishedRow) -> str | None:
    """Return the quantity with the metric and definition of the row, or None."""
    if row.metric not in _BASES or row.acc_definition not in MATRIX_METRICS:
        return None
    return stored_name(_BASES[row.metric], row.acc_definition)


def published_name(metric: str) -> str:
    """Return the published name of one of our category metrics: `image_auroc` for `auroc`."""
    return next(name for name, ours in _BASES.items() if ours == metric)


@dataclass
class Footnotes:
    """Numbers footnotes in the order of their first use."""

    numbers: dict[str, int] = field(default_factory=dict)

    def mark(self, value: str | float | None, *notes: str) -> Value:
        """Return the value with the marks of its notes; empty notes are skipped."""
        used = [note for note in notes if note]
        if value is None or not used:
            return value
        numbers = [self.numbers.setdefault(note, len(self.numbers) + 1) for note in used]
        return Marked(value, f"[{','.join(map(str, numbers))}]", "; ".join(used))

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(f"[{number}] {note}" for note, number in self.numbers.items())


def number_cell(row: PublishedRow | None, notes: Footnotes) -> Value:
    """Return the number, with its footnotes."""
    return None if row is None else notes.mark(row.value, row.note, row.why)


def source_cell(row: PublishedRow, notes: Footnotes) -> Value:
    """Return the source, with footnotes that apply to all its numbers."""
    return notes.mark(row.source, *row.source_notes)


def forgetting_cell(row: PublishedRow | None, notes: Footnotes, *more: str) -> Value:
    """Return forgetting as printed, with its definition as a footnote.

    Args:
        row: the published row, or None for an empty cell.
        notes: collects the footnotes of the table.
        *more: further footnotes; empty ones are skipped.
    """
    if row is None:
        return None
    definition = f"{FORGETTING}: {row.forgetting_definition}"
    return notes.mark(row.value, definition, row.note, row.why, *more)


def routing_label(row: PublishedRow) -> str:
    """Return the routing of a row, or "" if it is not continual."""
    return "" if row.acc_definition == NOT_CONTINUAL else row.routing


def describe_checks(rows: Sequence[PublishedRow]) -> str:
    """Return how numbers were checked: `source`, or `source, forgetting secondary, leakage`."""
    of_metrics = [row.checked for row in rows if row.metric != "forgetting"]
    words: list[str] = list(dict.fromkeys(of_metrics))
    for row in rows:
        if row.metric == "forgetting" and [row.checked] != words:
            words.append(f"forgetting {row.checked}" if words else row.checked)
    words += ["leakage"] * any(row.leakage for row in rows)
    words += ["unreliable"] * any(row.unreliable for row in rows)
    return ", ".join(words)
