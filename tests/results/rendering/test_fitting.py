"""Fitting a table into a terminal: what is hidden, what is split, and that numbers stay whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cadbench.results.rendering.fitting import GAP, Fitted, cell_text, fit
from cadbench.results.rendering.table import Column, Spread, Table, Value, text_column
from cadbench.results.rendering.wrapping import text_width, wrap_cell, wrap_words
from cadbench.results.tables.hiding import with_hiding_order

CATEGORIES = [f"category_{n}" for n in range(15)]
METHODS = ("finetune", "mecad", "patchcore")


def per_category() -> Table:
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (method, "experts=2", *(Spread(0.5 + n / 100, 0.012, 2) for n in range(15)))
        for method in METHODS
    )
    columns = (text_column("method"), text_column("parameters"))
    return Table("t", (*columns, *(Column(name, 3, "higher") for name in CATEGORIES)), rows)


def results() -> Table:
    names = ("AUROC", "AUPRO", "bwt", "stored vectors", "utilization %", "seconds")
    columns = (text_column("method"), *(Column(name, 3, "higher") for name in names))
    rows = tuple((method, *(Spread(0.5, 0.012, 2) for _ in names)) for method in METHODS)
    return Table("t", with_hiding_order(columns, names), rows)


def names(table: Table, fitted: Fitted) -> list[list[str]]:
    return [[table.columns[place].name for place in block.columns] for block in fitted.blocks]


def width_of(fitted: Fitted) -> int:
    return max(sum(block.widths) + GAP * (len(block.widths) - 1) for block in fitted.blocks)


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_many_categories_are_split_into_blocks_that_repeat_what_tells_rows_apart(width):
    table = per_category()
    fitted = fit(table, width)
    assert width_of(fitted) <= width
    assert not fitted.hidden
    blocks = names(table, fitted)
    assert len(blocks) > 1
    assert all(block[0] == "method" for block in blocks)
    shown = [name for block in blocks for name in block if name in CATEGORIES]
    assert shown == CATEGORIES


def test_numbers_of_blocks_are_on_one_line_where_there_is_room():
    table = per_category()
    for block in fit(table, 80).blocks:
        for place, width in zip(block.columns, block.widths, strict=True):
            assert width >= len(cell_text(table, 0, place))


def test_labels_are_the_first_columns_that_tell_rows_apart():
    table = per_category()
    twice = replace(table, rows=(*table.rows, ("mecad", "experts=3", *table.rows[1][2:])))
    assert names(twice, fit(twice, 80))[1][:2] == ["method", "parameters"]
    assert names(table, fit(table, 80))[1][:2] != ["method", "parameters"]


@pytest.mark.parametrize(
    ("width", "hidden"),
    [
        (120, ()),
        (64, ()),
        (63, ("utilization %",)),
        (51, ("utilization %",)),
        (50, ("stored vectors", "utilization %")),
        (41, ("stored vectors", "utilization %", "seconds")),
        (32, ("bwt", "stored vectors", "utilization %", "seconds")),
        (24, ("AUPRO", "bwt", "stored vectors", "utilization %", "seconds")),
    ],
)
def test_columns_are_hidden_in_order_and_the_first_result_never(width, hidden):
    fitted = fit(results(), width)
    assert fitted.hidden == hidden
    assert width_of(fitted) <= width
    assert len(fitted.blocks) == 1


def test_the_column_that_a_table_is_about_is_not_hidden():
    columns = with_hiding_order([Column("bwt"), Column("seconds")], ["seconds", "bwt"])
    assert [bool(column.hide) for column in columns] == [True, False]


@pytest.mark.parametrize("width", range(1, 130, 4))
@pytest.mark.parametrize("make", [per_category, results])
def test_no_column_of_numbers_is_narrower_than_its_numbers(make, width):
    table = make()
    for block in fit(table, width).blocks:
        for place, given in zip(block.columns, block.widths, strict=True):
            if table.columns[place].numeric:
                words = cell_text(table, 0, place).split(" ")
                assert given >= max(map(len, words))


def test_words_that_are_the_same_in_all_rows_are_constants_and_numbers_are_not():
    table = Table(
        "t",
        (text_column("tier"), text_column("method"), text_column("data"), Column("seeds")),
        (("here", "a", "x", 3), ("here", "b", "x", 3)),
    )
    assert fit(table, 80).constants == (("tier", "here"), ("data", "x"))
    assert names(table, fit(table, 80)) == [["method", "seeds"]]
    single = replace(table, rows=table.rows[:1])
    assert not fit(single, 80).constants


def test_quoted_rows_without_a_word_do_not_keep_a_column_but_those_with_another_do():
    columns = (text_column("method"), text_column("backbone"), Column("AUROC", 3))
    ours = (("a", "net", 0.5), ("b", "net", 0.6))
    for quoted, constants in ((None, (("backbone", "net"),)), ("other", ())):
        table = Table("t", columns, (*ours, ("c", quoted, 0.7)), quoted=1)
        assert fit(table, 80).constants == constants


def test_a_table_keeps_a_column_even_if_all_are_constant():
    table = Table("t", (text_column("a"), text_column("b")), (("x", "y"), ("x", "y")))
    assert names(table, fit(table, 80)) == [["a"]]


def test_words_wrap_at_spaces_and_longer_ones_stay_whole():
    path = "/data/" + "x" * 40
    assert wrap_words(f"records are in {path} now", 20) == f"records are in\n{path}\nnow"
    assert wrap_words("one line\n  two", 20) == "one line\n  two"


def test_wide_characters_take_two_columns():
    assert text_width("螺钉 bolt") == 9
    assert text_width("e\u0301") == 1
    assert wrap_words("螺钉 螺钉 螺钉", 10) == "螺钉 螺钉\n螺钉"
    assert wrap_cell("螺钉螺钉", 5, breakable=True) == "螺钉\n螺钉"
    table = Table("t", (text_column("category"), Column("螺钉", 3)), (("螺钉" * 5, 0.5),))
    (block,) = fit(table, 40).blocks
    assert block.widths == (20, 5)


def test_cells_break_at_spaces_and_words_of_text_also_after_punctuation():
    assert wrap_cell("0.812 ±0.004", 6, breakable=False) == "0.812\n±0.004"
    assert wrap_cell("0.812345", 4, breakable=False) == "0.812345"
    assert wrap_cell("expert_worst_drop", 10, breakable=True) == "expert_\nworst_drop"
    assert wrap_cell("mvtec-1x15-224 oracle", 11, breakable=True) == "mvtec-1x15-\n224 oracle"
    assert wrap_cell("abcdefgh", 3, breakable=True) == "abc\ndef\ngh"
