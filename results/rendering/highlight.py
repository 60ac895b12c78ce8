"""Which cells of a table are the best and second best of their column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

from .table import Column, Table, number

Highlight = Literal["none", "best", "second"]
"""What is marked: nothing, the best, or the best and the second best."""

Mark: TypeAlias = Literal["best", "second"] | None
Marks: TypeAlias = tuple[tuple[Mark, ...], ...]


def marks(table: Table, highlight: Highlight) -> Marks:
    """The mark of every cell, row by row.

    Rows are ranked by the numbers that are shown, so that equal ones are marked alike. Rows that
    are quoted, or bounds, are not ranked; neither is a column that says no better way, or whose
    ranked numbers are all the same. Second best has exactly one better, and some worse.
    """
    last = len(table.rows) - table.quoted
    ranked = [place for place in range(last) if place not in table.unranked]
    columns: list[list[Mark]] = []
    for place, column in enumerate(table.columns):
        found: list[Mark] = [None] * len(table.rows)
        if highlight != "none" and column.better is not None:
            values = [_shown(table, row, place, column) for row in ranked]
            best, second = _two_best(values, column)
            for row, value in zip(ranked, values, strict=True):
                if value == best:
                    found[row] = "best"
                elif value == second and highlight == "second":
                    found[row] = "second"
        columns.append(found)
    return tuple(zip(*columns, strict=True)) if columns else ()


def legend(table: Table, found: Marks, best: str, second: str) -> str:
    """What the marks mean, in the words for their looks; empty where there are none."""
    used = {mark for row in found for mark in row}
    parts = [f"{best}: best"] * ("best" in used) + [f"{second}: second best"] * ("second" in used)
    if not parts:
        return ""
    left_out = ["upper bounds"] * bool(table.unranked) + ["quoted rows"] * bool(table.quoted)
    apart = f"; {' and '.join(left_out)} are not ranked" if left_out else ""
    return f"{', '.join(parts)} of the column, equal numbers alike{apart}"


def _shown(table: Table, row: int, place: int, column: Column) -> float:
    value = number(table.rows[row][place])
    return value if math.isnan(value) else float(f"{value:.{column.digits}f}")


def _two_best(values: Sequence[float], column: Column) -> tuple[float, float]:
    """The best and the second best of these numbers; NaN where there is none worth a mark."""
    defined = [value for value in values if not math.isnan(value)]
    distinct = sorted(set(defined), reverse=column.better == "higher")
    if len(distinct) < 2:
        return math.nan, math.nan
    clear = len(distinct) > 2 and defined.count(distinct[0]) == 1
    return distinct[0], distinct[1] if clear else math.nan
