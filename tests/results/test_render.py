"""Markdown and CSV: undefined is never zero, and what is written can be read back."""

from __future__ import annotations

import csv
import io
import math

import pytest

from results.render import display, to_csv, to_markdown
from results.table import Column, Spread, Table, text_column

TABLE = Table(
    "Title",
    (text_column("name"), Column("value", 3), Column("count")),
    (("a|b", Spread(0.81251, 0.0124, 3), 3), ("c", Spread(math.nan, math.nan, 0), None)),
    ("a note",),
)


def test_markdown_is_aligned_and_carries_the_notes() -> None:
    assert to_markdown(TABLE) == (
        "### Title\n"
        "\n"
        "| name |         value | count |\n"
        "| ---- | ------------: | ----: |\n"
        "| a\\|b | 0.813 ± 0.012 |     3 |\n"
        "| c    |             – |     – |\n"
        "\n"
        "- a note\n"
    )


def test_csv_is_exact_and_leaves_undefined_empty() -> None:
    rows = list(csv.reader(io.StringIO(to_csv(TABLE))))
    assert rows == [
        ["name", "value", "value sd", "value n", "count"],
        ["a|b", "0.81251", "0.0124", "3", "3"],
        ["c", "", "", "0", ""],
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.00"),
        (-0.001, "0.00"),
        (-0.126, "-0.13"),
        (None, "–"),
        (math.nan, "–"),
        (0, "0"),
        ("text", "text"),
        (Spread(0.5, math.nan, 1), "0.50"),
        (Spread(0.5, 0.0, 2), "0.50 ± 0.00"),
    ],
)
def test_values_are_shown_with_the_digits_of_their_column(value, shown: str) -> None:
    assert display(value, Column("x", 2)) == shown


def test_spread_is_the_sample_deviation_over_what_is_defined() -> None:
    spread = Spread.of([1.0, math.nan, 3.0])
    assert (spread.mean, spread.n) == (2.0, 2)
    assert spread.deviation == pytest.approx(math.sqrt(2))
    assert math.isnan(Spread.of([1.0]).deviation)
    assert math.isnan(Spread.of([]).mean)


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="needs 1 values"):
        Table("t", (Column("a"),), ((1, 2),))
