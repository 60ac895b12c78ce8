"""The leaderboard: best first, a table for each protocol, data and routing."""

from __future__ import annotations

import math
from collections.abc import Iterable

from results.comparable import identity_labels
from results.comparison import Comparison, compare
from results.quantities import Quantity, quantity
from results.record import Record
from results.rows import (
    Defaults,
    backbone_labels,
    by_routing,
    method_labels,
    number_ranges,
    parameter_labels,
    rows_of,
)
from results.table import Spread, Table, Value, number, text_column

SHOWN = ("acc", "bwt", "fm", "gap_to_joint", "seconds")


def leaderboard(
    records: Iterable[Record], *, sort: str = "acc", defaults: Defaults | None = None
) -> list[Table]:
    """A row a configuration, best by `sort` (a name of results.quantities) first.

    Rows of other seeds or orders than their neighbours stand beside them with both in columns;
    rows of another protocol, manifest or routing stand in another table.
    """
    shown = tuple(dict.fromkeys((*SHOWN, sort)))
    tables = []
    for routing, of_routing in by_routing(records).items():
        rows = rows_of(of_routing)
        meanings = dict(zip((row.data for row in rows), identity_labels(rows), strict=True))
        for data, meaning in sorted(meanings.items()):
            comparison = compare(routing, [row for row in rows if row.data == data])
            title = f"{data[0]}, {routing} routing, data {data[1][:8]}"
            title += f", {meaning}" * bool(meaning)
            tables.append(_table(title, comparison, shown, sort, defaults))
    return tables


def _table(
    title: str, c: Comparison, shown: tuple[str, ...], sort: str, defaults: Defaults | None
) -> Table:
    chosen = [quantity(name) for name in shown]
    labels = zip(
        method_labels(c.rows),
        parameter_labels(c.rows, defaults),
        backbone_labels(c.rows),
        strict=True,
    )
    rows: list[tuple[Value, ...]] = []
    for row, label, readings in zip(c.rows, labels, c.readings, strict=True):
        cells = [Spread.of(each.read(reading) for reading in readings) for each in chosen]
        keys = ", ".join(record.key[:8] for record in row.records)
        rows.append((*label, *cells, number_ranges(row.seeds), ", ".join(row.orders), keys))
    by = 3 + shown.index(sort)
    rows.sort(key=lambda row: _badness(row[by], chosen[by - 3]))
    columns = (
        *(text_column(name) for name in ("method", "parameters", "backbone")),
        *(each.column for each in chosen),
        *(text_column(name) for name in ("seeds", "orders", "records")),
    )
    notes = (
        *(each.note for each in chosen),
        *c.notes(shown),
        "records: the beginning of each run's key",
    )
    return Table(title, columns, tuple(rows), notes)


def _badness(value: Value, by: Quantity) -> float:
    """Rises from best to worst; undefined comes last."""
    mean = number(value)
    if math.isnan(mean):
        return math.inf
    return mean if by.column.better == "lower" else -mean
