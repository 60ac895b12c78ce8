"""A table as readers see it: without what its title says already, and without what says nothing."""

from __future__ import annotations

import math
from dataclasses import replace

from .table import Column, Spread, Table, Value, is_undefined


def printed(table: Table) -> Table:
    """The table without columns that its title repeats or no row fills, and without idle `± 0`.

    A numeric column goes only where it is optional, and loses its deviations only where all of them
    would be shown as zero; notes name such columns.
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
        notes += (f"defined by no row, and left out: {', '.join(undefined)}",)
    if agreeing:
        notes += (f"no ± where all runs of every row agree: {', '.join(agreeing)}",)
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
    """A spread as its mean alone."""
    return replace(value, deviation=math.nan) if isinstance(value, Spread) else value
