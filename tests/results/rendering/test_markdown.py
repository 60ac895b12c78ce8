"""Markdown and CSV: undefined is never zero, and what is written can be read back."""

from __future__ import annotations

import csv
import io
import math

import pytest
from cadbench.results.rendering.markdown import display, escape_markdown, to_csv, to_markdown
from cadbench.results.rendering.table import Column, Spread, Table, text_column
from hypothesis import given
from markdown_it import MarkdownIt

from tests.results.hostile_names import names, visible

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


def test_the_best_is_emphasised_only_where_asked_for() -> None:
    columns = (text_column("m"), Column("x", 1, "higher"))
    table = Table("t", columns, (("a", 0.1), ("b", 0.3), ("c", 0.2)))
    assert "*" not in to_markdown(table)
    text = to_markdown(table, "second")
    assert "| **0.3** |" in text
    assert " *0.2* |" in text
    assert "- bold: best, italic: second best of the column" in text


def test_names_and_numbers_stay_readable() -> None:
    for text in (
        "per_category",
        "-0.5 ± 0.1",
        "[0.1, 0.2]",
        "s(c) <= t < T",
        "a > b",
        "1. a",
        "a & b",
    ):
        assert escape_markdown(text) == text


@given(names, names)
def test_markdown_prints_any_text_as_it_is(one: str, other: str) -> None:
    columns = (text_column(f"x{one}"), text_column(f"y{other}"))
    table = Table(f"T{one}", columns, ((other, "."), ("..", one)), (other, f"n{one}"))
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(to_markdown(table))
    kinds = [token.type for token in tokens if token.type.endswith("_open")]
    assert set(kinds) <= {
        *("heading_open", "table_open", "thead_open", "tbody_open", "tr_open", "th_open"),
        *("td_open", "bullet_list_open", "list_item_open", "paragraph_open"),
    }
    inline = [token for token in tokens if token.type == "inline"]
    for token in inline:
        assert {child.type for child in token.children or []} <= {"text", "text_special"} | (
            {"code_inline"} if "`" in one + other else set()
        )
    if "`" in one + other:
        return
    shown = ["".join(child.content for child in token.children or []) for token in inline]
    cells = [visible(text) for text in (f"T{one}", f"x{one}", f"y{other}", other, ".", "..", one)]
    notes = [visible(other)] * bool(visible(other)) + [visible(f"n{one}")]
    assert shown == [*cells, *notes]
