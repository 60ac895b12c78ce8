"""The methods of a table: each returns the text that the command line writes, and can write it."""

from __future__ import annotations

import io
import math

import pandas as pd
import pytest
from cadbench.results.rendering.html import html_page
from cadbench.results.rendering.latex import latex_file
from cadbench.results.rendering.markdown import to_csv, to_markdown
from cadbench.results.rendering.table import Column, Marked, Spread, Table, text_column

TABLE = Table(
    "results",
    (
        text_column("method"),
        Column("AUROC", 3, "higher"),
        Column("bwt", 3),
        Column("vectors"),
        Column("printed", 3),
    ),
    (
        ("mecad", Spread(0.81234, 0.0312, 3, 0.79, 0.83), -0.1, 1200, None),
        ("quoted é", Spread(0.9, math.nan, 1), None, 400, Marked(0.5, "[1]", "its own definition")),
    ),
    ("a note",),
)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("to_latex", latex_file([TABLE])),
        ("to_markdown", to_markdown(TABLE)),
        ("to_csv", to_csv(TABLE)),
        ("to_html", html_page([TABLE], title="results")),
    ],
)
def test_each_format_is_returned_and_written_if_a_file_is_given(tmp_path, method, expected):
    assert getattr(TABLE, method)() == expected
    assert not list(tmp_path.iterdir())
    for file in (tmp_path / "path", str(tmp_path / "text")):
        assert getattr(TABLE, method)(file) == expected
    assert (
        (tmp_path / "path").read_text("utf-8") == (tmp_path / "text").read_text("utf-8") == expected
    )


def test_marks_and_labels_are_options():
    assert r"\label{tab:main}" in TABLE.to_latex(label="tab:main")
    assert "**" in TABLE.to_markdown(highlight="best")
    assert 'id="main"' in TABLE.to_html(label="main")


def test_a_frame_has_numbers_at_full_precision_and_means_next_to_deviations():
    frame = TABLE.to_frame()
    assert list(frame) == [
        *("method", "AUROC", "AUROC ±", "AUROC low", "AUROC high", "bwt", "vectors"),
        *("printed", "printed note"),
    ]
    assert frame["AUROC"].tolist() == [0.81234, 0.9]
    assert frame["AUROC ±"][0] == 0.0312
    assert math.isnan(frame["AUROC ±"][1])
    assert math.isnan(frame["bwt"][1])
    assert frame["vectors"].dtype.kind == "i"
    assert all(frame[name].dtype.kind == "f" for name in ("AUROC", "AUROC ±", "bwt", "printed"))
    assert frame["printed note"][1] == "its own definition"
    assert frame["printed"][1] == 0.5


def test_a_frame_holds_what_the_csv_holds():
    csv = pd.read_csv(io.StringIO(TABLE.to_csv()))
    frame = TABLE.to_frame()
    for name in ("AUROC", "bwt", "vectors", "AUROC low"):
        pd.testing.assert_series_equal(frame[name], csv[name])


def test_a_frame_of_no_rows_has_the_columns():
    empty = Table("t", TABLE.columns, ())
    assert list(empty.to_frame()) == [column.name for column in TABLE.columns]


def test_a_notebook_shows_the_table_and_its_style_touches_nothing_else_of_the_page():
    shown = TABLE._repr_html_()
    assert '<figure class="cadbench-table"' in shown
    style = shown.partition("</style>")[0].removeprefix("<style>\n")
    assert all(line.startswith(".cadbench-table") for line in style.splitlines())
