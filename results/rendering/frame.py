"""A table as a pandas DataFrame, with numbers as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .table import Marked, Spread, Table, Value, is_undefined, number

if TYPE_CHECKING:
    import pandas as pd


def to_frame(table: Table) -> pd.DataFrame:
    """Return the rows of a table at full precision.

    A mean with deviation takes two columns, such as `bwt` and `bwt ±`; with an interval two more,
    `bwt low` and `bwt high`. Footnotes of single values are in a column such as `bwt note`.
    Undefined numbers are NaN, undefined words None.
    """
    import pandas as pd

    columns: dict[str, list[Value]] = {}
    for place, column in enumerate(table.columns):
        values = [row[place] for row in table.rows]
        columns[column.name] = [_plain(value) for value in values]
        spreads = [value if isinstance(value, Spread) else None for value in values]
        if any(spreads):
            columns[f"{column.name} ±"] = [each and each.deviation for each in spreads]
        if any(each is not None and each.low is not None for each in spreads):
            columns[f"{column.name} low"] = [each and each.low for each in spreads]
            columns[f"{column.name} high"] = [each and each.high for each in spreads]
        if any(isinstance(value, Marked) for value in values):
            columns[f"{column.name} note"] = [
                value.note if isinstance(value, Marked) else None for value in values
            ]
    return pd.DataFrame(columns)


def _plain(value: Value) -> Value:
    """The number or word of a cell."""
    if is_undefined(value):
        return None
    if isinstance(value, Spread):
        return number(value)
    return value.value if isinstance(value, Marked) else value
