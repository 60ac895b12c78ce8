"""AUROC per kind of defect: what a method finds, and what it misses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from ..analysis.comparison import Comparison, comparisons
from ..analysis.quantities import Reading
from ..analysis.rows import Defaults, Row
from ..metrics.defects import Kind, defect_aurocs
from ..metrics.metric import FloatOrArray
from ..records.record import Record
from ..rendering.table import Column, Table, Value, text_column
from ..statistics.bootstrap import Bootstrap
from ..statistics.intervals import Estimates
from .paired import row_titles


def defect_tables(
    records: Iterable[Record],
    *,
    defaults: Defaults | None = None,
    allow_mixed: bool = False,
    common: bool = False,
    bootstrap: Bootstrap | None = None,
) -> list[Table]:
    """One row per kind of defect, one column per configuration.

    For the arguments see `comparison.main_tables`.
    """
    found = comparisons(records, allow_mixed=allow_mixed, common=common)
    return [_defect_table(c, defaults, bootstrap) for c in found]


def _defect_table(c: Comparison, defaults: Defaults | None, bootstrap: Bootstrap | None) -> Table:
    kinds = kinds_of(c.rows)
    titles = row_titles(c.rows, defaults)
    estimates = Estimates(bootstrap)
    reads = [defect_reader(kind) for kind in kinds]
    columns: list[Sequence[Value]] = [
        estimates.of([title] * len(kinds), reads, readings)
        for title, readings in zip(titles, c.readings, strict=True)
    ]
    rows = [(*kind, n, *values) for (kind, n), *values in zip(kinds.items(), *columns, strict=True)]
    headings = (
        *map(text_column, ("category", "defect")),
        Column("images"),
        *(Column(title, 3, hide=len(titles) - k) for k, title in enumerate(titles)),
    )
    notes = (
        "AUROC after the last experience of the images of one kind of defect against the good "
        "images of its category; images: how many there are of the kind",
        *c.notes(),
        *estimates.notes(c.rows),
    )
    return Table(f"By kind of defect: {c.title}", headings, tuple(rows), notes)


def kinds_of(rows: Sequence[Row]) -> dict[Kind, int]:
    """The kinds of defects of any run of these rows, sorted, with their number of images."""
    found: dict[Kind, int] = {}
    for row in rows:
        scored = defect_aurocs(row.first.scores, len(row.first.experiences))
        found |= {kind: n for kind, (_, n) in scored.items()}
    return dict(sorted(found.items()))


def defect_reader(kind: Kind) -> Callable[[Reading], FloatOrArray]:
    """Return a function that reads the AUROC of a kind of defect; NaN if the run lacks it."""

    def read(reading: Reading) -> FloatOrArray:
        return reading.defects.get(kind, math.nan)

    return read
