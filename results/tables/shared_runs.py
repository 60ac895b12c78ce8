"""Tables of single runs, one for all the runs of a row that can share it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ..analysis.rows import Defaults, Row, backbone_labels, number_ranges, plural, rows_of
from ..records.record import Record
from ..records.schema import canonical_json
from ..rendering.table import Spread, Table, Value
from .paired import row_titles
from .single_run import assignments_table, matrix_table, memory_table


def matrix_tables(
    records: Iterable[Record], base: str = "auroc", *, defaults: Defaults | None = None
) -> list[Table]:
    """R of `base`, a table a row and order, over its seeds: mean and sample deviation."""
    return [
        _titled(_averaged([matrix_table(record, base) for record in runs]), row, title, runs)
        for row, title, runs in _by_order(rows_of(records), defaults)
    ]


def memory_tables(records: Iterable[Record], *, defaults: Defaults | None = None) -> list[Table]:
    """What every expert keeps: a table for all seeds of a row and order that agree in it.

    They agree in the words and whole numbers; of others the table gives the mean and deviation.
    """
    return _agreeing(rows_of(records), memory_table, defaults)


def assignments_tables(
    records: Iterable[Record], *, defaults: Defaults | None = None
) -> list[Table]:
    """Which expert took each category, alike; records without assignments have none."""
    records = [record for record in records if "chosen" in record.events]
    return _agreeing(rows_of(records), assignments_table, defaults)


def _agreeing(
    rows: Sequence[Row], make: Callable[[Record], Table], defaults: Defaults | None
) -> list[Table]:
    tables: list[Table] = []
    for row, title, runs in _by_order(rows, defaults):
        alike: dict[object, list[tuple[Record, Table]]] = {}
        for record in runs:
            table = make(record)
            whole = tuple(
                tuple(None if isinstance(value, float) else value for value in cells)
                for cells in table.rows
            )
            alike.setdefault((table.columns, whole), []).append((record, table))
        tables += [
            _titled(_averaged([table for _, table in found]), row, title, [r for r, _ in found])
            for found in alike.values()
        ]
    return tables


def _by_order(
    rows: Sequence[Row], defaults: Defaults | None
) -> list[tuple[Row, str, list[Record]]]:
    """Each row, its title, and its runs of one order, by seed."""
    found = []
    for row, title in zip(rows, row_titles(rows, defaults), strict=True):
        orders: dict[bytes, list[Record]] = {}
        for record in row.records:
            orders.setdefault(canonical_json(record.cell["order"]), []).append(record)
        found += [
            (row, title, sorted(runs, key=lambda record: record.seed)) for runs in orders.values()
        ]
    return found


def _averaged(tables: Sequence[Table]) -> Table:
    """Tables of one shape as one: numbers that are not whole become spreads."""
    first = tables[0]
    if len(tables) == 1:
        return first
    rows = tuple(
        tuple(map(_spread, zip(*cells, strict=True)))
        for cells in zip(*(table.rows for table in tables), strict=True)
    )
    return replace(first, rows=rows, notes=(*first.notes, "± is the sample deviation over seeds"))


def _spread(values: tuple[Value, ...]) -> Value:
    numbers = [math.nan if value is None else value for value in values]
    if all(isinstance(number, float) for number in numbers):
        return Spread.of(number for number in numbers if isinstance(number, float))
    return values[0]


def _titled(table: Table, row: Row, title: str, runs: Sequence[Record]) -> Table:
    """Under a title that names the row and the runs, as those of other tables do."""
    what = table.title.partition(":")[0]
    seeds = [record.seed for record in runs]
    parts = (
        f"{what}: {title}",
        f"protocol {row.first.protocol}",
        f"{row.first.routing} routing",
        f"{plural('seed', seeds)} {number_ranges(seeds)}",
        f"order {runs[0].order}",
        f"backbone {backbone_labels([row])[0]}",
    )
    return replace(table, title=", ".join(parts))
