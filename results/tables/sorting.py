"""Sort the rows of tables by a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..analysis.quantities import QUANTITIES, full_name
from ..did_you_mean import suggestion
from ..errors import UsageError
from ..rendering.table import Table, Value, is_undefined, number
from ..rendering.trimming import without_redundant_columns


def sort_tables(tables: Sequence[Table], by: str) -> list[Table]:
    """Sort the measured rows of tables by a column; tables without it stay as they are.

    Args:
        tables: tables of one kind.
        by: a heading, or the name of its metric; `-` in front reverses the direction.

    Raises:
        UsageError: no table has the column.
    """
    name = by.removeprefix("-")
    full = full_name(name)
    wanted = QUANTITIES[full].column.name if full in QUANTITIES else name
    headings = dict.fromkeys(column.name for table in tables for column in table.columns)
    fitting = [each for each in headings if each.casefold() == wanted.casefold()]
    if not fitting:
        printed = [c.name for table in tables for c in without_redundant_columns(table).columns]
        names = list(dict.fromkeys(printed))
        metrics = [n for n, q in QUANTITIES.items() if q.column.name in names and n not in names]
        raise UsageError(
            f"--sort {by}: no column has the name {name!r}{suggestion(name, [*names, *metrics])}; "
            f"available: {', '.join(names)}"
            + f"; or the name of a metric: {', '.join(metrics)}"
            * bool(metrics)
        )
    heading = wanted if wanted in fitting else fitting[0]
    return [sort_rows(table, heading, reverse=by != name) for table in tables]


def sort_rows(table: Table, heading: str, *, reverse: bool = False) -> Table:
    """Sort the measured rows by the column of that heading, if the table has it.

    The best value is first, or the largest if the column is not ranked; words are in alphabetical
    order. Undefined values are last, also if `reverse`.
    """
    place = next((k for k, c in enumerate(table.columns) if c.name == heading), None)
    if place is None:
        return table
    column, last = table.columns[place], len(table.rows) - table.quoted

    def key(row: int) -> float | str:
        value: Value = table.rows[row][place]
        return number(value) if column.numeric else str(value)

    undefined = [row for row in range(last) if is_undefined(table.rows[row][place])]
    defined = [row for row in range(last) if row not in undefined]
    falls = column.numeric and column.better != "lower"
    order = sorted(defined, key=key, reverse=falls != reverse) + undefined
    unranked, close = (
        tuple(new for new, old in enumerate(order) if old in marked)
        for marked in (table.unranked, table.close)
    )
    rows = (*(table.rows[row] for row in order), *table.rows[last:])
    return replace(table, rows=rows, unranked=unranked, close=close)
