"""Names of strangers are shown as text, and honest names as they are."""

from __future__ import annotations

import csv
import io
import re
import unicodedata

import pytest
from cadbench.results.records.store import record_dir
from cadbench.results.rendering.markdown import escape_markdown, to_csv, to_markdown
from cadbench.results.rendering.table import Column, Marked, Table, text_column
from cadbench.results.sanitizing import inert_field, is_printable, printable
from hypothesis import given
from hypothesis import strategies as st

from tests.results.samples import make_cell

HOSTILE = "\x1b]0;owned\x07<script>alert(1)</script>\u202e\n| [a](javascript:x) \ud800"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("metal_nut", "metal_nut"),
        ("Schraube groß, 螺丝", "Schraube groß, 螺丝"),
        ("0.8 ± 0.1\u2009–", "0.8 ± 0.1\u2009–"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\u202etxt", r"\u202etxt"),
        ("\x9b2J", r"\x9b2J"),
        ("half \ud800", r"half \ud800"),
        ("zero\u200bwidth\u2028", r"zero\u200bwidth\u2028"),
    ],
)
def test_what_is_not_for_reading_is_spelled_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert is_printable(text) == (text == shown)


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp", "L"])))
def test_nothing_that_acts_is_left(text: str) -> None:
    shown = printable(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert printable(shown) == shown
    shown.encode()


def test_line_breaks_of_a_message_may_stay() -> None:
    assert printable("a\nb\x1b", keep="\n") == "a\nb\\x1b"


def hostile_table() -> Table:
    columns = (text_column(HOSTILE), Column("value", 3))
    return Table(HOSTILE, columns, ((HOSTILE, Marked(HOSTILE, HOSTILE, HOSTILE)),), (HOSTILE,))


@pytest.mark.parametrize("write", [to_markdown, to_csv])
def test_a_written_table_holds_no_control_characters(write) -> None:
    written = write(hostile_table())
    assert is_printable(written.replace("\n", ""))
    assert written.count("\n") == (7 if write is to_markdown else 2)


def test_markdown_holds_no_html_and_no_links() -> None:
    written = to_markdown(hostile_table())
    assert not re.search(r"(?<!\\)</?script", written)
    assert not re.search(r"(?<!\\)\]\(", written)
    assert escape_markdown("p <0.001, a < b") == "p <0.001, a < b"


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)"])
def test_csv_holds_no_formulae(text: str) -> None:
    table = Table("t", (text_column(text),), ((text,),))
    assert list(csv.reader(io.StringIO(to_csv(table)))) == [[f"'{text}"], [f"'{text}"]]


@pytest.mark.parametrize("text", ["-0.141", "+0.1", "mecad", "", "a=b"])
def test_numbers_and_names_in_csv_stay_as_they_are(text: str) -> None:
    assert inert_field(text) == text


@given(st.text(max_size=300))
def test_every_name_becomes_a_short_plain_folder_that_records_are_found_in(name: str) -> None:
    cell = make_cell(method="m")
    cell["protocol"] = cell["order"]["name"] = cell["method"]["name"] = name
    from pathlib import Path

    for part in record_dir(Path(), {**cell, "features": {"backbone": name, "embedding": ""}}).parts:
        assert part.isascii()
        assert len(part) <= 121
        assert not part.startswith(".")
        assert not part.endswith(".partial")


def test_long_names_that_differ_at_their_end_have_folders_of_their_own(tmp_path) -> None:
    folders = [record_dir(tmp_path, make_cell(order="x" * 300 + end)) for end in "ab"]
    assert folders[0] != folders[1]
