"""Tables on a terminal: they fit, nothing is cut off, and lines break where words end."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from cadbench.benchmark.cli.shared.table_output import FORMATS, print_tables
from cadbench.results.rendering.table import Column, Spread, Table, text_column

from tests.benchmark.conftest import FINETUNE

TABLE = Table(
    "a title [of] words",
    (
        text_column("method"),
        text_column("parameters [odd]"),
        Column("AUROC", 3),
        Column("stored vectors"),
        Column("utilization %", 1),
    ),
    (
        ("mecad", "experts=3, replay=[full]", Spread(0.81234, 0.0312, 3), 1200, 83.33),
        ("finetune", "", Spread(0.5, math.nan, 1), 400, None),
    ),
    ("a note [with] words",),
)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The lines of tables on a terminal of this width."""

    def draw(*tables: Table, width: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        capsys.readouterr()
        print_tables(tables)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
        return [line.rstrip() for line in plain.splitlines()]

    return draw


def test_with_room_a_row_is_a_line(drawn):
    lines = drawn(TABLE, width=120)
    assert lines[0] == "a title [of] words"
    assert re.split(r"  +", lines[1]) == [column.name for column in TABLE.columns]
    assert re.split(r"  +", lines[3]) == [
        *("mecad", "experts=3, replay=[full]", "0.812 ±0.031", "1200", "83.3"),
    ]
    assert lines[-1] == "a note [with] words"


@pytest.mark.parametrize("width", range(30, 90, 5))
def test_however_narrow_the_terminal_every_word_and_number_is_there(drawn, width):
    lines = drawn(TABLE, width=width)
    for word in (
        *("method", "parameters", "[odd]", "AUROC", "stored", "vectors", "utilization", "%"),
        *("mecad", "experts=3,", "replay=[full]", "0.812", "±0.031", "1200", "83.3"),
        *("finetune", "0.500", "400", "–"),
    ):
        assert any(word in line.split() for line in lines), word
    assert not any("…" in line for line in lines)


def test_headings_break_before_numbers_do_and_lines_fit_where_they_can(drawn):
    lines = drawn(TABLE, width=62)
    assert max(map(len, lines)) <= 62
    assert any("0.812 ±0.031" in line for line in lines)
    assert not any("stored vectors" in line for line in lines)
    narrower = drawn(TABLE, width=55)
    assert max(map(len, narrower)) <= 55
    assert not any("0.812 ±0.031" in line for line in narrower)


@pytest.mark.parametrize("width", range(40, 140, 10))
def test_many_columns_of_words_share_the_room_and_none_is_cut_short(drawn, width):
    names = ("source", "method", "parameters", "checked")
    rows = (
        ("a source that is cited in many words of its own", "mecad", "categories=5", "secondary"),
        ("this run", "PatchCore, fine-tuning", "a=1, b=2", "source, leakage"),
    )
    columns = (*map(text_column, names), Column("AUROC", 3))
    lines = drawn(Table("wide", columns, tuple((*row, 0.5) for row in rows)), width=width)
    words = {word for line in lines for word in line.split()}
    assert {*names, "categories=5", "secondary", "fine-tuning", "leakage", "0.500"} <= words
    least = sum(len(word) for word in ("source", "fine-tuning", "categories=5", "secondary"))
    assert max(map(len, lines)) <= max(width, least + len("AUROC") + 2 * 4)


HIDEABLE = replace(
    TABLE,
    columns=(*TABLE.columns[:3], *(replace(column, hide=1) for column in TABLE.columns[3:])),
    notes=(*TABLE.notes, "stored vectors: buffers too", "utilization: of the budget"),
)


def test_columns_that_do_not_fit_are_hidden_with_their_notes_and_a_line_names_them(drawn):
    lines = drawn(HIDEABLE, width=38)
    assert max(map(len, lines)) <= 38
    assert not any("1200" in line or "of the budget" in line for line in lines)
    text = " ".join(lines)
    assert "hidden: stored vectors, utilization %; `cadbench table --columns A,B`" in text
    wide = " ".join(drawn(HIDEABLE, width=120))
    assert "hidden" not in wide
    assert "1200" in wide
    assert "utilization: of the budget" in wide


def test_files_and_pipes_keep_all_columns_whatever_the_terminal(drawn, capsys, tmp_path):
    drawn(HIDEABLE, width=30)
    for format in FORMATS:
        print_tables([HIDEABLE], format)
        assert "1200" in capsys.readouterr().out
    print_tables([HIDEABLE], to=tmp_path / "table.md")
    assert "1200" in (tmp_path / "table.md").read_text()


def test_words_that_all_rows_share_are_in_the_heading(drawn):
    rows = tuple((*row[:1], "oracle", *row[1:]) for row in TABLE.rows)
    columns = (TABLE.columns[0], text_column("routing"), *TABLE.columns[1:])
    lines = drawn(replace(TABLE, columns=columns, rows=rows), width=120)
    assert lines[:2] == ["a title [of] words", "in all rows: routing oracle"]
    assert "routing" not in lines[2]


def test_notes_and_titles_break_between_words_and_a_path_can_be_copied(drawn):
    path = f"/data/{'a-long-folder/' * 8}records"
    lines = drawn(replace(TABLE, title="word " * 30, notes=(f"records are in {path}",)), width=50)
    assert path in lines
    assert lines[0] == " ".join(["word"] * 10)


def test_a_table_without_rows_is_its_heading(drawn):
    lines = drawn(Table("empty", (text_column("a"), Column("b c")), ()), width=40)
    assert lines[0] == "empty"
    assert re.split(r"  +", lines[1]) == ["a", "b c"]


def test_without_a_terminal_tables_are_printed_as_markdown(capsys):
    print_tables([TABLE, TABLE])
    out = capsys.readouterr().out
    assert out.count("### a title [of] words\n") == 2
    assert "| mecad    | experts=3, replay=[full] | 0.812 ± 0.031 |" in out
    print_tables([TABLE], "csv")
    assert capsys.readouterr().out.startswith("method,parameters [odd],AUROC,AUROC sd,")


def test_a_matrix_alone_stands_for_its_mean_after_the_last_experience(run_plates, call, out):
    assert run_plates(*FINETUNE).code == 0
    short, long = (
        call("table", "--columns", columns, "--format", "csv", "--out", out)
        for columns in ("auroc,aupro,ap", "acc,aupro.acc,ap.acc")
    )
    assert short.code == 0
    assert short.out == long.out
    assert call("leaderboard", "--sort", "aupro", "--out", out).code == 0
    assert (
        "error: --sort nope: no column" in call("leaderboard", "--sort", "nope", "--out", out).err
    )
