"""Remove columns without information: repeated by the title, or defined by no row."""

from __future__ import annotations

import math
from dataclasses import replace

from .table import Column, Spread, Table, Value, is_undefined


def without_redundant_columns(table: Table) -> Table:
    """Return the table without redundant columns and without `± 0`.

    Removed are columns that the title repeats, optional numeric columns that no row defines, and
    text columns that are empty. A column loses its deviations only if all of them round to zero.
    Notes name the columns concerned.
    """
    if not table.rows:
        return table
    values = list(zip(*table.rows, strict=True))
    empty = [all(value == "" or is_undefined(value) for value in cells) for cells in values]
    kept = [
        place
        for place, column in enumerate(table.columns)
        if not column.in_title and not (empty[place] and (column.optional or not column.numeric))
    ]
    undefined = [
        column.name
        for place, column in enumerate(table.columns)
        if empty[place] and column.optional
    ]
    columns = tuple(table.columns[place] for place in kept)
    cells = [values[place] for place in kept]
    agreeing = []
    for place, column in enumerate(columns):
        if _all_agree(cells[place], column):
            agreeing.append(column.name)
            cells[place] = tuple(without_deviation(value) for value in cells[place])
    notes = table.notes
    if undefined:
        notes = tuple(note for note in notes if note.partition(":")[0] not in undefined)
        notes += (f"columns that no row defines are not shown: {', '.join(undefined)}",)
    if agreeing:
        notes += (f"no ± because all runs of each row agree: {', '.join(agreeing)}",)
    if not any(_deviates(value) for column_cells in cells for value in column_cells):
        notes = tuple(note for note in notes if not note.startswith("± is "))
    rows = tuple(zip(*cells, strict=True))
    return replace(table, columns=columns, rows=rows, notes=notes)


def _all_agree(values: tuple[Value, ...], column: Column) -> bool:
    deviations = [value.deviation for value in values if isinstance(value, Spread)]
    known = [deviation for deviation in deviations if not math.isnan(deviation)]
    return bool(known) and all(round(deviation, column.digits) == 0 for deviation in known)


def _deviates(value: Value) -> bool:
    return isinstance(value, Spread) and not math.isnan(value.deviation)


def without_deviation(value: Value) -> Value:
    """The value without its deviation: a spread as its mean."""
    return replace(value, deviation=math.nan) if isinstance(value, Spread) else value
