"""Find the best and second-best cells of each column of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

from .table import Column, Highlight, Table, number

Mark: TypeAlias = Literal["best", "second"] | None
Marks: TypeAlias = tuple[tuple[Mark, ...], ...]


def marks(table: Table, highlight: Highlight) -> Marks:
    """Mark the best cells of each column.

    Rows are ranked by the rounded numbers that are printed, so equal numbers get equal marks. Not
    ranked: quoted rows, reference rows (`Table.unranked`), columns without a better direction, and
    columns in which all ranked numbers are equal. The second best is marked only if exactly one
    number is better and some number is worse.

    Args:
        table: the table.
        highlight: what to mark.

    Returns:
        One tuple per row with one mark per cell.
    """
    last = len(table.rows) - table.quoted
    ranked = [place for place in range(last) if place not in table.unranked]
    columns: list[list[Mark]] = []
    for place, column in enumerate(table.columns):
        found: list[Mark] = [None] * len(table.rows)
        if highlight != "none" and column.better is not None:
            values = [_printed_value(table, row, place, column) for row in ranked]
            best, second = _two_best(values, column)
            for row, value in zip(ranked, values, strict=True):
                if value == best:
                    found[row] = "best"
                elif value == second and highlight == "second":
                    found[row] = "second"
        columns.append(found)
    return tuple(zip(*columns, strict=True)) if columns else ()


def legend(table: Table, found: Marks, best: str, second: str) -> str:
    """Explain the marks in one sentence.

    Args:
        table: the table.
        found: the marks of its cells.
        best: how the best is printed, such as `bold`.
        second: how the second best is printed.

    Returns:
        The sentence; empty if nothing is marked.
    """
    used = {mark for row in found for mark in row}
    parts = [f"{best}: best"] * ("best" in used) + [f"{second}: second best"] * ("second" in used)
    if not parts:
        return ""
    not_ranked = ["joint references"] * bool(table.unranked) + ["quoted rows"] * bool(table.quoted)
    apart = f"; {' and '.join(not_ranked)} are not ranked" if not_ranked else ""
    return f"{', '.join(parts)} of the column, ties included{apart}"


def _printed_value(table: Table, row: int, place: int, column: Column) -> float:
    value = number(table.rows[row][place])
    return value if math.isnan(value) else float(f"{value:.{column.digits}f}")


def _two_best(values: Sequence[float], column: Column) -> tuple[float, float]:
    """The best and second-best number; NaN for each that should not be marked."""
    defined = [value for value in values if not math.isnan(value)]
    distinct = sorted(set(defined), reverse=column.better == "higher")
    if len(distinct) < 2:
        return math.nan, math.nan
    clear = len(distinct) > 2 and defined.count(distinct[0]) == 1
    return distinct[0], distinct[1] if clear else math.nan
