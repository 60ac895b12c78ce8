"""Which columns of results a narrow terminal leaves out first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..rendering.table import Column

FIRST = (
    *("records", "utilization %", "gap_to_joint"),
    *("stored vectors", "scoring vectors", "seconds"),
)
"""Headings of columns that are hidden before all others, in this order."""


def with_hiding_order(columns: Sequence[Column], headings: Sequence[str]) -> tuple[Column, ...]:
    """Let a narrow terminal hide columns of results.

    Args:
        columns: all columns of a table. Columns of labels are never hidden.
        headings: headings of the columns of results. The first one is never hidden; those not
            among `FIRST` are hidden from the last to the second.
    """
    primary, *others = headings
    first = [name for name in FIRST if name != primary]
    order = [*first, *(name for name in reversed(others) if name not in first)]
    return tuple(
        replace(column, hide=order.index(column.name) + 1) if column.name in order else column
        for column in columns
    )
