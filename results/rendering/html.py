"""Write tables as HTML: a fragment for any page, or a complete page."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from html import escape

from .highlight import Highlight, Mark, legend, marks
from .latex import capitalized
from .markdown import display
from .table import Column, Marked, Table, Value, is_undefined, number
from .trimming import without_redundant_columns

STYLE = """\
.cadbench-table { margin: 0 0 3rem; }
.cadbench-table .scroll { overflow-x: auto; }
.cadbench-table table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.cadbench-table caption { font-weight: 600; padding-bottom: .5rem; text-align: left; }
.cadbench-table th, .cadbench-table td { padding: .25rem .75rem; text-align: left; }
.cadbench-table th { font-weight: 500; vertical-align: bottom; }
.cadbench-table tbody th { vertical-align: baseline; }
.cadbench-table td { vertical-align: baseline; }
.cadbench-table .number { text-align: right; white-space: nowrap; }
.cadbench-table thead { border-bottom: 1px solid; border-top: 2px solid; }
.cadbench-table tbody { border-bottom: 1px solid; }
.cadbench-table sup { line-height: 0; }
.cadbench-table ul { font-size: .875rem; padding-left: 1.25rem; }
"""
"""The style of tables on a plain page; a page with its own style defines the same classes."""

_PAGE_STYLE = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
"""

_ARROWS = {"higher": "↑", "lower": "↓"}


def to_html(table: Table, highlight: Highlight = "second", label: str | None = None) -> str:
    """Write a table as one `<figure class="cadbench-table">` with caption, headings, rows and
    notes.

    Cells with numbers hold the exact number as `data-value` (empty if undefined). Quoted rows are
    in a `<tbody class="quoted">`.

    Args:
        table: the table.
        highlight: which cells to mark.
        label: id of the figure; empty for none.
    """
    table = without_redundant_columns(table)
    found = marks(table, highlight)
    ours = len(table.rows) - table.quoted
    rows = [_row(row, table.columns, of_row) for row, of_row in zip(table.rows, found, strict=True)]
    notes = list(table.notes)
    if explained := legend(table, found, "bold", "underlined"):
        notes.insert(0, explained)
    identity = f' id="{_text(label)}"' if label else ""
    caption = _text(capitalized(table.title))
    return "\n".join(
        [
            f'<figure class="cadbench-table"{identity}>',
            # Focusable, so that a table wider than the page can be scrolled with the keyboard.
            f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}">',
            "<table>",
            f"<caption>{caption}</caption>",
            f"<thead><tr>{''.join(map(_heading, table.columns))}</tr></thead>",
            *(["<tbody>", *rows[:ours], "</tbody>"] if ours or not rows else []),
            *(['<tbody class="quoted">', *rows[ours:], "</tbody>"] if table.quoted else []),
            "</table>",
            "</div>",
            *(["<ul>", *(f"<li>{_note(note)}</li>" for note in notes), "</ul>"] if notes else []),
            "</figure>\n",
        ]
    )


def html_page(
    tables: Iterable[Table],
    highlight: Highlight = "second",
    label: str | None = None,
    title: str = "cadbench",
) -> str:
    """Write a complete HTML page of tables that needs no other file."""
    parts = []
    for place, table in enumerate(tables, 1):
        own = f"{label}-{place}" if label and place > 1 else label
        parts.append(to_html(table, highlight, own))
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            '<head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_text(title)}</title>",
            f"<style>\n{_PAGE_STYLE}{STYLE}</style></head>",
            "<body>",
            *parts,
            "</body></html>\n",
        ]
    )


def _row(row: tuple[Value, ...], columns: tuple[Column, ...], of_row: tuple[Mark, ...]) -> str:
    cells = [
        _cell(value, column, mark, place == 0)
        for place, (value, column, mark) in enumerate(zip(row, columns, of_row, strict=True))
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(value: Value, column: Column, mark: Mark, first: bool) -> str:
    """Write one cell; the first cell of a row is its header."""
    text = _format(value, column)
    if mark == "best":
        text = f"<strong>{text}</strong>"
    elif mark == "second":
        text = f"<u>{text}</u>"
    numeric = ""
    if column.numeric:
        exact = number(value)
        numeric = f' class="number" data-value="{"" if math.isnan(exact) else repr(exact)}"'
    return f'<th scope="row"{numeric}>{text}</th>' if first else f"<td{numeric}>{text}</td>"


def _format(value: Value, column: Column) -> str:
    if isinstance(value, Marked):
        return f"{_format(value.value, column)}<sup>{_text(value.mark)}</sup>"
    text = _text(display(value, column))
    return f'<span title="undefined">{text}</span>' if is_undefined(value) else text


def _heading(column: Column) -> str:
    arrow = ""
    if column.better:
        meaning = f"{column.better} is better"
        sign = _ARROWS[column.better]
        arrow = f' <span title="{meaning}" aria-label="{meaning}" role="img">{sign}</span>'
    number = ' class="number"' if column.numeric else ""
    return f'<th scope="col"{number}>{_text(column.name)}{arrow}</th>'


def _note(note: str) -> str:
    """Write a footnote: its mark in superscript, options as code."""
    text = re.sub(r"`([-\w ]+)`", r"<code>\1</code>", _text(note))
    return re.sub(r"^(\[\d+\]) ", r"<sup>\1</sup> ", text)


def _text(text: str) -> str:
    """Escape text and join it into one line; replace characters that HTML cannot hold."""
    joined = " ".join(text.split())
    return escape("".join(c if c.isprintable() else "\ufffd" for c in joined))
