"""Published numbers as rows of a table: what belongs together, which column it may stand in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..metrics.registry import IMAGE_METRICS, MATRIX_METRICS, PIXEL_METRICS, stored_name
from ..rendering.table import Marked, Value
from .rows import NOT_CONTINUAL, PublishedRow

FORGETTING = "printed forgetting"
"""The heading that forgetting as printed stands under: never one of our metrics."""

CHECKED_NOTE = (
    "checked: source = read in the source itself, secondary = seen in somebody else's notes, "
    "leakage = an epoch or a threshold was chosen on test data"
)

_BASES = {f"image_{name}": name for name in IMAGE_METRICS} | {name: name for name in PIXEL_METRICS}
"""Published metric -> our category metric."""


@dataclass(frozen=True)
class PublishedGroup:
    """What one source prints of one method on one stream."""

    rows: tuple[PublishedRow, ...]

    @property
    def first(self) -> PublishedRow:
        return self.rows[0]

    @property
    def stream(self) -> tuple[str, str]:
        """(dataset, schedule); the schedule is empty where the numbers are not continual."""
        return self.first.dataset, self.first.schedule

    @property
    def by_quantity(self) -> Mapping[str, PublishedRow]:
        """Name of the column of ours that has the same definition -> the number."""
        named = {matching_quantity(row): row for row in self.rows}
        return {name: row for name, row in named.items() if name is not None}

    @property
    def forgetting(self) -> PublishedRow | None:
        return next((row for row in self.rows if row.metric == "forgetting"), None)


def group_rows(rows: Iterable[PublishedRow]) -> list[PublishedGroup]:
    """Rows of one source, method and stream together, in the order of the first of them."""
    groups: dict[tuple[str, ...], list[PublishedRow]] = {}
    for row in rows:
        key = (row.source, row.method, row.protocol, row.dataset, row.schedule, row.routing)
        groups.setdefault(key, []).append(row)
    return [PublishedGroup(tuple(group)) for group in groups.values()]


def matching_quantity(row: PublishedRow) -> str | None:
    """The name in analysis.quantities with the row's metric and definition, if there is one."""
    if row.metric not in _BASES or row.acc_definition not in MATRIX_METRICS:
        return None
    return stored_name(_BASES[row.metric], row.acc_definition)


@dataclass
class Footnotes:
    """Numbers notes in the order of their first use."""

    numbers: dict[str, int] = field(default_factory=dict)

    def mark(self, value: str | float | None, *notes: str) -> Value:
        """The value with the marks of those notes that are not empty."""
        used = [note for note in notes if note]
        if value is None or not used:
            return value
        numbers = [self.numbers.setdefault(note, len(self.numbers) + 1) for note in used]
        return Marked(value, f"[{','.join(map(str, numbers))}]", "; ".join(used))

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(f"[{number}] {note}" for note, number in self.numbers.items())


def source_cell(row: PublishedRow, notes: Footnotes) -> Value:
    """The source, with what there is to know of all its numbers."""
    return notes.mark(row.source, *row.source_notes)


def forgetting_cell(row: PublishedRow | None, notes: Footnotes, *more: str) -> Value:
    """Forgetting as printed; its footnote says what was computed, and never is ours.

    more: further footnotes, where they are not empty.
    """
    if row is None:
        return None
    return notes.mark(row.value, f"{FORGETTING}: {row.forgetting_definition}", row.note, *more)


def routing_label(row: PublishedRow) -> str:
    return "" if row.acc_definition == NOT_CONTINUAL else row.routing


def describe_checks(shown: Sequence[PublishedRow]) -> str:
    """`source`, `secondary, leakage`, or `source, forgetting secondary` where they differ."""
    of_metrics = [row.checked for row in shown if row.metric != "forgetting"]
    words: list[str] = list(dict.fromkeys(of_metrics))
    for row in shown:
        if row.metric == "forgetting" and [row.checked] != words:
            words.append(f"forgetting {row.checked}" if words else row.checked)
    return ", ".join([*words, *["leakage"] * any(row.leakage for row in shown)])
