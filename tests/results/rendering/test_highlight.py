"""Best and second best: of what is shown, equal numbers alike, and only among rivals."""

from __future__ import annotations

import math

import pytest
from cadbench.results.rendering.highlight import legend, marks
from cadbench.results.rendering.table import Column, Marked, Spread, Table, text_column
from hypothesis import given
from hypothesis import strategies as st


def marked(values, *, better="higher", highlight="second", quoted=0, unranked=(), digits=2):
    rows = tuple((value,) for value in values)
    table = Table("t", (Column("x", digits, better),), rows, (), quoted, unranked)
    return [row[0] for row in marks(table, highlight)]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0.1, 0.3, 0.2], [None, "best", "second"]),
        ([0.3, 0.3, 0.2, 0.1], ["best", "best", None, None]),  # nothing is second to two
        ([0.3, 0.2, 0.2, 0.1], ["best", "second", "second", None]),
        ([0.3, 0.2, 0.2], ["best", None, None]),  # the second is also the last
        ([0.3, 0.2], ["best", None]),
        ([0.2, 0.2, 0.2], [None, None, None]),
        ([0.2], [None]),
        ([None, math.nan, 0.2, 0.1, 0.0], [None, None, "best", "second", None]),
        ([Spread(0.3, 0.1, 2), Spread(0.2, 0.1, 2), 0.1], ["best", "second", None]),
        ([0.304, 0.3, 0.2], ["best", "best", None]),  # both are shown as 0.30
        ([3, 2, 1], ["best", "second", None]),
        ([], []),
    ],
)
def test_equal_numbers_are_marked_alike(values, found) -> None:
    assert marked(values) == found


def test_which_way_is_better_is_the_columns_to_say() -> None:
    assert marked([0.1, 0.3, 0.2], better="lower") == ["best", None, "second"]
    assert marked([0.1, 0.3, 0.2], better=None) == [None] * 3


def test_how_much_is_marked_can_be_chosen() -> None:
    assert marked([0.1, 0.3, 0.2], highlight="best") == [None, "best", None]
    assert marked([0.1, 0.3, 0.2], highlight="none") == [None] * 3


def test_quoted_rows_and_bounds_are_never_ranked() -> None:
    values = [0.5, 0.1, 0.3, 0.2, Marked(0.9, "[1]", "n")]
    assert marked(values, quoted=1, unranked=(0,)) == [None, None, "best", "second", None]


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, math.nan]), max_size=6))
def test_a_mark_depends_on_the_number_alone(values: list[float]) -> None:
    found = dict[float, set[object]]()
    for value, mark in zip(values, marked(values), strict=True):
        found.setdefault(value, set()).add(mark)
    assert all(len(of_value) == 1 for of_value in found.values())
    best = [value for value, of_value in found.items() if "best" in of_value]
    assert best in ([], [max([value for value in values if not math.isnan(value)], default=0.0)])


def test_the_legend_names_only_the_marks_in_use() -> None:
    table = Table("t", (text_column("a"), Column("x", 1, "higher")), (("m", 0.1), ("n", 0.2)))
    assert legend(table, marks(table, "none"), "bold", "underlined") == ""
    assert legend(table, marks(table, "second"), "bold", "underlined") == (
        "bold: best of the column, ties included"
    )
    bounded = Table(table.title, table.columns, (*table.rows, ("o", 9.0)), (), 0, (2,))
    assert "; joint references are not ranked" in legend(bounded, marks(bounded, "best"), "b", "u")
