"""How much a metric falls when defective images are among the training ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from ..analysis.comparison import compare, with_equal_runs
from ..analysis.quantities import Reading
from ..analysis.rows import (
    Defaults,
    Row,
    describe_runs,
    method_labels,
    parameter_labels,
    rows_of,
)
from ..analysis.shares import curves_of, groups_of_shares, share_of
from ..metrics import continual
from ..metrics.metric import FloatOrArray
from ..metrics.registry import CATEGORY_METRICS, DEFAULT, stored_name
from ..records.record import Record
from ..rendering.table import Column, Spread, Table, Value, text_column
from ..statistics.bootstrap import Bootstrap
from ..statistics.intervals import Estimates


def robustness_tables(
    records: Iterable[Record],
    base: str = DEFAULT,
    *,
    defaults: Defaults | None = None,
    common: bool = False,
    bootstrap: Bootstrap | None = None,
) -> list[Table]:
    """One row per configuration, and the mean of `base` at the end at each share.

    Records without `--contaminate` are not used. For the arguments see `comparison.main_tables`.
    """
    tables = []
    for title, of_stream in groups_of_shares(rows_of(records)).items():
        rows, about_runs = with_equal_runs(of_stream, common=common)
        c = compare(rows[0].first.routing, rows)
        readings = dict(zip(map(id, c.rows), c.readings, strict=True))
        shares = sorted({share_of(row) for row in rows})
        curves = list(curves_of(rows).values())
        firsts = [next(iter(curve.values())) for curve in curves]
        labels = zip(method_labels(firsts), parameter_labels(firsts, defaults), strict=True)
        estimates = Estimates(bootstrap)
        cells: list[tuple[Value, ...]] = []
        for curve, label in zip(curves, labels, strict=True):
            values = [
                estimates.of([f"{share:g}"], [_reader(base)], readings[id(curve[share])])[0]
                if share in curve
                else None
                for share in shares
            ]
            cells.append((*label, *values, _change(values)))
        metric = CATEGORY_METRICS[base]
        columns = (
            *map(text_column, ("method", "parameters")),
            *(Column(f"{share:g}", 3, metric.better) for share in shares),
            Column("change", 3, metric.better),
        )
        notes = (
            "columns: share of defective images among the training ones; values: "
            f"{stored_name(base, 'acc')}, on the same test images at every share",
            f"change: the last column minus the first, {shares[-1]:g} minus {shares[0]:g}",
            *_reached(rows),
            *about_runs,
            *estimates.notes(c.rows),
        )
        heading = f"Contamination: {title}, {describe_runs(rows[0])}"
        tables.append(Table(heading, columns, tuple(cells), notes))
    return tables


def mean_at_end(base: str, reading: Reading) -> FloatOrArray:
    """The mean of `base` over the categories after the last experience."""
    return continual.acc(*reading.matrix(base)).value


def _reader(base: str) -> Callable[[Reading], FloatOrArray]:
    return lambda reading: mean_at_end(base, reading)


def _change(values: list[Spread | None]) -> float | None:
    first, last = values[0], values[-1]
    if first is None or last is None or len(values) < 2:
        return None
    change = last.mean - first.mean
    return None if math.isnan(change) else change


def _reached(rows: Sequence[Row]) -> list[str]:
    """Notes on the shares that some categories could not reach."""
    notes: dict[str, None] = {}
    for row in rows:
        share = share_of(row)
        short = [
            f"{category} {counts['moved'] / counts['train']:.3f}"
            for category, counts in row.first.run.get("contaminated", {}).items()
            if counts["moved"] + 0.5 < share * (counts["train"] - counts["moved"]) / (1 - share)
        ]
        if short:
            notes[f"{share:g} is less for lack of defective images: {', '.join(short)}"] = None
    return list(notes)
