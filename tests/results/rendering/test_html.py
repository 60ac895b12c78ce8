"""HTML: accessible, escaped, and the numbers those of the table."""

from __future__ import annotations

import math
from html.parser import HTMLParser

from cadbench.results.rendering.html import html_page, to_html
from cadbench.results.rendering.table import Column, Marked, Spread, Table, text_column
from hypothesis import given

from tests.results.hostile_names import names, visible

TABLE = Table(
    "title",
    (text_column("method"), Column("AUROC", 3, "higher"), Column("MB", 1)),
    (
        ("a", Spread(0.81251, 0.0124, 3), 3.0),
        ("b", Spread(0.7, 0.1, 3), math.nan),
        ("c", Spread(0.6, 0.1, 3), None),
        (Marked("theirs", "[1]", "n"), Marked(0.9, "[1]", "n"), None),
    ),
    ("AUROC: x", "[1] n"),
    quoted=1,
)


class Parsed(HTMLParser):
    """Tags with their attributes, and the text inside each kind of tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta",):
            self.open.append(tag)
            self.text.setdefault(tag, []).append("")

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        for tag in self.open:
            self.text[tag][-1] += data

    def handle_comment(self, data) -> None:
        raise AssertionError(f"a comment: {data}")


def test_headings_rows_and_caption_are_marked_as_such() -> None:
    page = Parsed(to_html(TABLE, label="tab:x"))
    assert page.text["caption"] == ["Title"]
    scopes = [attrs.get("scope") for tag, attrs in page.tags if tag == "th"]
    assert scopes == ["col"] * 3 + ["row"] * 4
    assert page.tags[0] == ("figure", {"class": "cadbench-table", "id": "tab:x"})
    assert ("tbody", {"class": "quoted"}) in page.tags
    arrow = [attrs for _, attrs in page.tags if attrs.get("role") == "img"]
    assert [each["aria-label"] for each in arrow] == ["higher is better"]


def test_numbers_are_shown_rounded_and_kept_exact() -> None:
    page = Parsed(to_html(TABLE))
    exact = [attrs["data-value"] for _, attrs in page.tags if "data-value" in attrs]
    assert exact == ["0.81251", "3.0", "0.7", "", "0.6", "", "0.9", ""]
    assert page.text["strong"] == ["0.813 ± 0.012"]
    assert page.text["u"] == ["0.700 ± 0.100"]
    assert "strong" not in Parsed(to_html(TABLE, "none")).text


def test_notes_follow_with_their_marks_raised() -> None:
    page = Parsed(to_html(TABLE))
    assert page.text["sup"] == ["[1]", "[1]", "[1]"]
    assert page.text["li"][1:] == ["AUROC: x", "[1] n"]


@given(names, names)
def test_any_text_is_text(one: str, other: str) -> None:
    columns = (text_column(f"x{one}"), Column(f"y{other}", 1))
    table = Table(f"T{one}", columns, ((f"a{other}", 0.5), (one, None)), (f"n{other}",))
    page = Parsed(to_html(table))
    plain = {tag for tag, _ in page.tags}
    assert plain <= {
        *("figure", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "ul", "li"),
        *("span", "code"),
    }
    headings = page.text["th"]
    assert [" ".join(text.split()) for text in headings[:3]] == [
        visible(f"x{one}"),
        visible(f"y{other}"),
        visible(f"a{other}"),
    ]
    if "`" not in other:
        assert page.text["li"][0] == visible(f"n{other}")


def test_a_page_needs_no_other_file() -> None:
    page = html_page([TABLE, TABLE], label="t")
    parsed = Parsed(page.removeprefix("<!DOCTYPE html>"))
    assert [attrs["id"] for tag, attrs in parsed.tags if tag == "figure"] == ["t", "t-2"]
    assert not [attrs for _, attrs in parsed.tags if "src" in attrs or "href" in attrs]
