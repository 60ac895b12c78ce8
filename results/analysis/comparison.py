"""Rows of one routing, restricted to the categories that all of them define."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..counts import format_count, pluralize
from ..metrics.registry import DEFAULT, PIXEL_METRICS
from ..records.record import Record
from .comparable import common_rows, complete_rows, identity_labels
from .joint import JOINT, JointRuns, Reference, differing, reference_of
from .quantities import Reading, quantity, stored_matrix
from .repetitions import deviation_notes, spread_over_runs
from .rows import (
    Row,
    backbone_labels,
    by_routing,
    describe_runs,
    method_labels,
    parameter_labels,
    plain,
    rows_of,
)
from .selection_notes import selection_notes

_NAMED = 3
"""Number of rows that a note about missing runs names."""

MASKED = "aupro"
"""A category has all pixel metrics or none, so one of them tells whether it has any."""


@dataclass(frozen=True)
class Comparison:
    """Rows of one table, and the readings of their runs over the common categories.

    Attributes:
        ambiguous: the rows with several joint runs of which none is theirs, so they have no gap.
        distinction: the settings that differ from other comparisons with the same protocol id.
        about_runs: notes on rows and runs that are not in the comparison.
    """

    routing: str
    rows: tuple[Row, ...]
    readings: tuple[tuple[Reading, ...], ...]
    left_out: tuple[str, ...]
    left_out_of_pixels: tuple[str, ...]
    ambiguous: tuple[Row, ...]
    distinction: str = ""
    about_runs: tuple[str, ...] = ()

    @property
    def mixed_data(self) -> bool:
        return len({row.data for row in self.rows}) > 1

    @property
    def mixed_runs(self) -> bool:
        return len({row.design for row in self.rows}) > 1

    @property
    def mixed_backbones(self) -> bool:
        return len(set(backbone_labels(self.rows))) > 1

    @property
    def title(self) -> str:
        """The values that all rows share: protocol, routing, seeds, orders, the backbone if it is
        the same.
        """
        protocols = sorted({row.first.protocol for row in self.rows})
        parts = [f"{pluralize('protocol', len(protocols))} {', '.join(protocols)}"]
        parts += [self.distinction] if self.distinction else []
        parts.append(f"{self.routing} routing")
        parts += [] if self.mixed_runs else [describe_runs(self.rows[0])]
        parts += [] if self.mixed_backbones else [f"backbone {backbone_labels(self.rows)[0]}"]
        return ", ".join(parts)

    def notes(self, quantities: Iterable[str] = ()) -> tuple[str, ...]:
        """The notes that a reader of a table with these quantities needs."""
        quantities = list(quantities)
        notes = [*self.about_runs, *self.left_out]
        if any(name.split(".")[0] in PIXEL_METRICS for name in quantities):
            notes += self.left_out_of_pixels
        gaps = [name for name in quantities if name.split(".")[-1] == "gap_to_joint"]
        if gaps:
            notes += [*self._joint_notes, *self._exceeded_joint_notes(gaps)]
        if self.mixed_data:
            notes.append("rows of different protocols or data are not comparable with each other")
        if self.mixed_runs:
            notes.append(
                "rows differ in seeds or orders, so differences between them may be theirs"
            )
        notes += selection_notes(self.rows)
        return (*notes, *self._data_notes, *deviation_notes(self.rows))

    @property
    def _joint_notes(self) -> list[str]:
        """What `gap_to_joint` is measured against, where that is not the method `joint`."""
        notes = []
        references = {r.label for row in self.rows if (r := _reference(row)) is not None}
        if own := sorted(references - {JOINT}):
            notes.append(f"gap_to_joint of other detectors is measured against {', '.join(own)}")
        if without := sorted({row.first.method for row in self.rows if _reference(row) is None}):
            notes.append(
                f"gap_to_joint is not defined without joint training: {', '.join(without)}"
            )
        if self.ambiguous:
            names = ", ".join(sorted({row.first.method for row in self.ambiguous}))
            notes.append(f"gap_to_joint is not shown: several configurations of joint fit {names}")
        return [*notes, *self._capacity_notes]

    @property
    def _capacity_notes(self) -> list[str]:
        """The parameters in which a row and its joint reference differ, such as its capacity."""
        found: dict[str, None] = {}
        for row, readings in zip(self.rows, self.readings, strict=True):
            joint = readings[0].joint
            names = differing(joint.params, row.first.params) if joint is not None else []
            if joint is not None and names:
                values = ", ".join(f"{name}={plain(joint.params[name])}" for name in names)
                found[f"{row.first.method} is compared with {joint.method} of {values}"] = None
        return list(found)

    def _exceeded_joint_notes(self, gaps: Iterable[str]) -> list[str]:
        """Which rows exceed their joint reference, by the mean that a table prints."""
        labels = zip(method_labels(self.rows), parameter_labels(self.rows), strict=True)
        names = [" ".join(filter(None, words)) for words in labels]
        notes = []
        for gap in gaps:
            chosen = quantity(gap)
            means = [
                spread_over_runs(row.records, map(chosen.read, readings)).mean
                for row, readings in zip(self.rows, self.readings, strict=True)
            ]
            found = [
                name
                for name, mean in zip(names, means, strict=True)
                if round(mean, chosen.column.digits) < 0
            ]
            if found:
                more = len(found) - _NAMED
                text = ", ".join(found[:_NAMED]) + f" and {more} more" * (more > 0)
                notes.append(f"{gap} is negative for {text}: joint is no upper bound there")
        return notes

    @property
    def _data_notes(self) -> list[str]:
        """One note for all oddities of the data that the runs recorded."""
        lines = {line: None for row in self.rows for r in row.records for line in r.data_notes}
        if not lines:
            return []
        first, *others = lines
        more = f" (and {len(others)} more; `cadbench show RUN` lists them)" if others else ""
        return [f"data: {first}{more}"]


def comparisons(
    records: Iterable[Record], *, allow_mixed: bool = False, common: bool = False
) -> list[Comparison]:
    """One comparison per routing, protocol and dataset: only comparable rows are together.

    Rows that lack runs which most rows have are left out, and a note names them.

    Args:
        records: the records.
        allow_mixed: put all rows of one routing together instead, whether comparable or not.
        common: keep every row, with the seeds and orders that all rows share.

    Raises:
        UsageError: `common`, and rows share no seed and order.
    """
    found = []
    for routing, of_routing in by_routing(records).items():
        rows = rows_of(of_routing)
        if allow_mixed:
            found.append(compare(routing, rows))
            continue
        for distinction, comparable in groups_by_data(rows):
            kept, notes = with_equal_runs(comparable, common=common)
            comparison = compare(routing, kept)
            found.append(replace(comparison, distinction=distinction, about_runs=tuple(notes)))
    return found


def groups_by_data(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Group rows by protocol, dataset and the settings behind the protocol id.

    Returns:
        Per group, the settings that differ from other groups of the same protocol id (empty if
        there is none), and its rows.
    """
    meanings = dict(zip((row.data for row in rows), identity_labels(rows), strict=True))
    ids = Counter((data[0], meaning) for data, meaning in meanings.items())
    groups = []
    for data, meaning in sorted(meanings.items()):
        content = [f"data {data[1][:8]}"] * (ids[data[0], meaning] > 1)
        distinction = ", ".join([*content, *[meaning] * bool(meaning)])
        groups.append((distinction, [row for row in rows if row.data == data]))
    return groups


def with_equal_runs(rows: Sequence[Row], *, common: bool) -> tuple[list[Row], list[str]]:
    """Give all rows the same seeds and orders.

    Args:
        rows: rows of one protocol and dataset.
        common: restrict every row to the runs that all share; otherwise rows that lack runs are
            left out.

    Returns:
        The rows, and the notes that a reader needs.
    """
    if not common:
        kept, lacking = complete_rows(rows)
        more = len(lacking) - _NAMED
        named = "; ".join(lacking[:_NAMED]) + f"; and {more} more" * (more > 0)
        return kept, [f"left out: {named}; --common compares the shared runs"] * bool(lacking)
    kept = common_rows(rows)
    if all(len(one.records) == len(other.records) for one, other in zip(kept, rows, strict=True)):
        return kept, []
    return kept, [f"only the runs that all rows share: {describe_runs(kept[0])}"]


def compare(routing: str, rows: Sequence[Row]) -> Comparison:
    """The comparison of these rows, whether comparable or not."""
    data = sorted({row.data for row in rows})
    common = {each: _common_categories(rows, each) for each in data}
    masked = {each: _masked_categories(rows, each) for each in data}
    joint = JointRuns(rows)
    readings = tuple(
        tuple(
            Reading(
                record,
                common[row.data],
                joint.of(row, record),
                masked[row.data],
            )
            for record in row.records
        )
        for row in rows
    )
    left_out = tuple(n for d in data for n in _left_out(rows, d, common[d], "means"))
    of_pixels = tuple(
        n for d in data if masked[d] for n in _left_out(rows, d, masked[d], "pixel metrics")
    )
    ambiguous = tuple(filter(joint.is_ambiguous, rows))
    return Comparison(routing, tuple(rows), readings, left_out, of_pixels, ambiguous)


def final_row(record: Record, base: str = DEFAULT) -> dict[str, float]:
    """Category -> value of `base` after the last experience."""
    R, _ = stored_matrix(record, base=base)
    return dict(zip(record.categories, R[-1].tolist(), strict=True))


def _common_categories(rows: Iterable[Row], data: tuple[str, ...]) -> tuple[str, ...]:
    """Categories, sorted, that every run on this dataset defines in its last row."""
    return tuple(sorted(set.intersection(*_defined(rows, data, DEFAULT))))


def _masked_categories(rows: Iterable[Row], data: tuple[str, ...]) -> tuple[str, ...]:
    """The same for pixel metrics, over the runs that have any: some methods return no maps."""
    defined = [names for names in _defined(rows, data, MASKED) if names]
    return tuple(sorted(set.intersection(*defined))) if defined else ()


def _defined(rows: Iterable[Row], data: tuple[str, ...], base: str) -> list[set[str]]:
    """For each run on this dataset, the categories whose last value of `base` is not NaN."""
    return [
        {category for category, value in final_row(record, base).items() if not np.isnan(value)}
        for row in rows
        if row.data == data
        for record in row.records
    ]


def _left_out(
    rows: Iterable[Row], data: tuple[str, ...], common: Sequence[str], what: str
) -> list[str]:
    every = {c for row in rows if row.data == data for c in row.first.categories}
    missing = sorted(every - set(common))
    if not missing:
        return []
    return [
        f"{what} are over the {format_count(len(common), 'category')} that every row defines; "
        f"left out: {', '.join(missing)}"
    ]


def _reference(row: Row) -> Reference | None:
    return reference_of(row.first.method, row.first.params)
