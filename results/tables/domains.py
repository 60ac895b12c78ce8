"""Results per domain of a stream with drift: before, right after learning, and at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ..analysis.comparison import comparisons
from ..analysis.quantities import Reading
from ..analysis.rows import Defaults, backbone_labels, method_labels, parameter_labels
from ..metrics import continual
from ..metrics.metric import FloatOrArray, Index, Matrix
from ..metrics.registry import CATEGORY_METRICS, DEFAULT
from ..records.record import Record
from ..records.schema import columns_of, domains_of
from ..rendering.table import Column, Table, Value, text_column
from ..statistics.bootstrap import Bootstrap
from ..statistics.intervals import Estimates

UNCHANGED = "unchanged"
"""The table's name for categories without a domain."""


def domain_tables(
    records: Iterable[Record],
    base: str = DEFAULT,
    *,
    defaults: Defaults | None = None,
    allow_mixed: bool = False,
    common: bool = False,
    bootstrap: Bootstrap | None = None,
) -> list[Table]:
    """One row per configuration and domain: the mean of `base` over the categories under that
    domain.

    Records without drift have no table. For the other arguments see `comparison.main_tables`.
    """
    drifted = [record for record in records if domains_of(record.cell)]
    tables = []
    for c in comparisons(drifted, allow_mixed=allow_mixed, common=common):
        estimates = Estimates(bootstrap)
        rows: list[tuple[Value, ...]] = []
        labels = (
            method_labels(c.rows),
            parameter_labels(c.rows, defaults),
            backbone_labels(c.rows),
        )
        for row, *label, readings in zip(c.rows, *labels, c.readings, strict=True):
            for domain in (UNCHANGED, *domains_of(row.first.cell)):
                parts = [_under(reading, domain) for reading in readings]
                found = estimates.of(_HEADINGS, [_reader(read, base) for read in _READS], parts)
                rows.append((*label, domain, *found))
        columns = (
            *(text_column(name) for name in ("method", "parameters")),
            Column("backbone", numeric=False, in_title=not c.mixed_backbones),
            text_column("domain"),
            *(Column(name, 3, CATEGORY_METRICS[base].better) for name in _HEADINGS),
        )
        notes = (
            f"means of {base} over the categories under a domain; before: after the experience "
            "before they come under it, R[s(c) - 1, c]; learned: R[s(c), c]; at the end: R[T, c]; "
            "change: R[T, c] - R[s(c), c]",
            *c.notes([f"{base}.acc"]),
            *estimates.notes(c.rows),
        )
        tables.append(Table(f"By domain: {c.title}", columns, tuple(rows), notes))
    return tables


def _before(R: Matrix, s: Index) -> FloatOrArray:
    return continual.fwt(R, s, 0.0).value


_READS: dict[str, Callable[[Matrix, Index], FloatOrArray]] = {
    "before": _before,
    "learned": lambda R, s: continual.acc_learned(R, s).value,
    "at the end": lambda R, s: continual.acc(R, s).value,
    "change": lambda R, s: continual.bwt_all(R, s).value,
}
_HEADINGS: Sequence[str] = tuple(_READS)


def _reader(name: str, base: str) -> Callable[[Reading], FloatOrArray]:
    return lambda reading: _READS[name](*reading.matrix(base))


def _under(reading: Reading, domain: str) -> Reading:
    """The same run, restricted to the columns of a domain."""
    columns = columns_of(reading.record.cell)
    mine = {
        column
        for column, category in columns.items()
        if column == (category if domain == UNCHANGED else f"{category}@{domain}")
    }
    masked = reading.masked
    return replace(
        reading,
        categories=tuple(c for c in reading.categories if c in mine),
        masked=None if masked is None else tuple(c for c in masked if c in mine),
        _matrices={},
    )
