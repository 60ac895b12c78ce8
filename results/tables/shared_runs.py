"""Tables of single runs, shared by all runs of a row that agree."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ..analysis.repetitions import is_deterministic, spread_over_runs
from ..analysis.rows import Defaults, Row, backbone_labels, number_ranges, rows_of
from ..counts import pluralize
from ..records.record import Record
from ..records.schema import ASSIGNED, canonical_json
from ..rendering.table import Table, Value
from .paired import row_titles
from .single_run import assignments_table, matrix_table, memory_table


def matrix_tables(
    records: Iterable[Record], base: str = "auroc", *, defaults: Defaults | None = None
) -> list[Table]:
    """The matrix R of `base`: one table per row and order, mean and deviation over the seeds."""
    tables = []
    for row, title, runs in _by_order(rows_of(records), defaults):
        group = [(record, matrix_table(record, base)) for record in runs]
        tables.append(_titled(_averaged(group), row, title, runs))
    return tables


def memory_tables(records: Iterable[Record], *, defaults: Defaults | None = None) -> list[Table]:
    """The memory of each expert: one table per row and order for all seeds that agree.

    Seeds agree if words and whole numbers are equal; other numbers become mean and deviation.
    """
    return tables_of_rows(rows_of(records), memory_table, defaults)


def assignments_tables(
    records: Iterable[Record], *, defaults: Defaults | None = None
) -> list[Table]:
    """Which expert owns each category; records without assignments have no table."""
    records = [record for record in records if ASSIGNED in set(record.events["kind"])]
    return tables_of_rows(rows_of(records), assignments_table, defaults)


def tables_of_rows(
    rows: Sequence[Row], make: Callable[[Record], Table], defaults: Defaults | None
) -> list[Table]:
    """Make a table of each run; the seeds of a row and order that agree share one.

    Seeds agree if words and whole numbers are equal; other numbers become mean and deviation.
    """
    tables: list[Table] = []
    for row, title, runs in _by_order(rows, defaults):
        groups: dict[object, list[tuple[Record, Table]]] = {}
        for record in runs:
            table = make(record)
            exact = tuple(
                tuple(None if isinstance(value, float) else value for value in cells)
                for cells in table.rows
            )
            groups.setdefault((table.columns, exact), []).append((record, table))
        tables += [
            _titled(_averaged(group), row, title, [record for record, _ in group])
            for group in groups.values()
        ]
    return tables


def _by_order(
    rows: Sequence[Row], defaults: Defaults | None
) -> list[tuple[Row, str, list[Record]]]:
    """Each row, its title, and its runs of one order, sorted by seed."""
    found = []
    for row, title in zip(rows, row_titles(rows, defaults), strict=True):
        orders: dict[bytes, list[Record]] = {}
        for record in row.records:
            orders.setdefault(canonical_json(record.cell["order"]), []).append(record)
        found += [
            (row, title, sorted(runs, key=lambda record: record.seed)) for runs in orders.values()
        ]
    return found


def _averaged(group: Sequence[tuple[Record, Table]]) -> Table:
    """Combine the tables of several seeds: numbers that are not whole become mean and deviation."""
    first = group[0][1]
    if len(group) == 1:
        return first
    records = [record for record, _ in group]
    rows = tuple(
        tuple(_spread(records, values) for values in zip(*cells, strict=True))
        for cells in zip(*(table.rows for _, table in group), strict=True)
    )
    note = "± is the sample deviation over seeds"
    if is_deterministic(records):
        note = "deterministic: the scores of all seeds are equal"
    return replace(first, rows=rows, notes=(*first.notes, note))


def _spread(records: Sequence[Record], values: tuple[Value, ...]) -> Value:
    numbers = [math.nan if value is None else value for value in values]
    if all(isinstance(number, float) for number in numbers):
        return spread_over_runs(
            records, [number for number in numbers if isinstance(number, float)]
        )
    return values[0]


def _titled(table: Table, row: Row, title: str, runs: Sequence[Record]) -> Table:
    """The table under a title that names the row and its runs."""
    what = table.title.partition(":")[0]
    seeds = [record.seed for record in runs]
    parts = (
        f"{what}: {title}",
        f"protocol {row.first.protocol}",
        f"{row.first.routing} routing",
        f"{pluralize('seed', len(seeds))} {number_ranges(seeds)}",
        f"order {runs[0].order}",
        f"backbone {backbone_labels([row])[0]}",
    )
    return replace(table, title=", ".join(parts))
