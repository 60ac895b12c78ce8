"""What a printed table leaves out, and that it says so."""

from __future__ import annotations

import math

from cadbench.results.rendering.markdown import to_csv, to_markdown
from cadbench.results.rendering.table import Column, Spread, Table, text_column
from cadbench.results.rendering.trimming import without_redundant_columns

TABLE = Table(
    "Title, backbone b",
    (
        text_column("method"),
        text_column("parameters"),
        Column("backbone", numeric=False, in_title=True),
        Column("AUROC", 3),
        Column("MB", 2),
        Column("AUPRO", 3, optional=True),
    ),
    (
        ("a", "", "b", Spread(0.5, 0.01, 2), Spread(1.0, 0.001, 2), Spread(math.nan, math.nan, 0)),
        ("b", "", "b", Spread(0.6, 0.0, 2), Spread(2.0, 0.0, 2), None),
    ),
    ("AUROC: x", "AUPRO: y", "± is the sample deviation over seeds"),
)


def test_columns_that_say_nothing_new_are_left_out_but_for_csv() -> None:
    assert [column.name for column in without_redundant_columns(TABLE).columns] == [
        "method",
        "AUROC",
        "MB",
    ]
    assert to_csv(TABLE).startswith("method,parameters,backbone,AUROC,AUROC sd,")
    assert "AUPRO" in to_csv(TABLE)


def test_notes_name_what_was_left_out_and_drop_its_definition() -> None:
    assert without_redundant_columns(TABLE).notes == (
        "AUROC: x",
        "± is the sample deviation over seeds",
        "columns that no row defines are not shown: AUPRO",
        "no ± because all runs of each row agree: MB",
    )


def test_a_deviation_goes_only_where_all_of_its_column_are_shown_as_zero() -> None:
    text = to_markdown(TABLE)
    assert "| 0.600 ± 0.000 | 2.00 |" in text
    assert "| 0.500 ± 0.010 | 1.00 |" in text


def test_what_was_chosen_stays_even_where_no_row_defines_it() -> None:
    table = Table("t", (text_column("m"), Column("AUPRO", 3)), (("a", None),))
    assert "AUPRO" in to_markdown(table)


def test_printing_twice_changes_nothing_more() -> None:
    assert without_redundant_columns(without_redundant_columns(TABLE)) == without_redundant_columns(
        TABLE
    )
