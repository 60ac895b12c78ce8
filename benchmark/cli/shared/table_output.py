"""Print tables on a terminal, or write them as Markdown, CSV, LaTeX or HTML."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from ....results.errors import UsageError
from ....results.rendering.highlight import Highlight, Mark, marks
from ....results.rendering.markdown import display, to_csv, to_markdown
from ....results.rendering.table import Column, Table
from ....results.rendering.trimming import without_deviation, without_redundant_columns
from ....results.storage.files import write_bytes

FORMATS = ("markdown", "csv", "latex", "html")

_SUFFIXES = {".md": "markdown", ".csv": "csv", ".tex": "latex", ".html": "html"}

_GAP = 2
"""Spaces between the columns of a table on a terminal."""

_MARK_STYLES: Mapping[Mark, str] = {"best": "bold", "second": "underline"}


@dataclass(frozen=True)
class Style:
    """Options for the appearance of tables; None stands for the format's default.

    Attributes:
        highlight: which values of a column are marked.
        digits: digits after the decimal point.
        deviation: whether means are followed by `±` and the standard deviation.
        caption: text in front of the title.
        label: LaTeX label or HTML id.
    """

    highlight: Highlight | None = None
    digits: int | None = None
    deviation: bool = True
    caption: str | None = None
    label: str | None = None


def format_of(output: str, to: Path | None) -> str:
    """The format of the output; for `auto` and a file, the format of the file's suffix.

    Args:
        output: value of `--format`.
        to: value of `--to`.

    Raises:
        UsageError: the file's suffix belongs to no format.
    """
    if output != "auto" or to is None:
        return output
    if to.suffix not in _SUFFIXES:
        raise UsageError(
            f"--to {to}: unknown suffix; use {', '.join(_SUFFIXES)}, or choose the format with "
            "--format"
        )
    return _SUFFIXES[to.suffix]


def print_tables(
    tables: Iterable[Table],
    output: str = "auto",
    style: Style = Style(),
    to: Path | None = None,
) -> None:
    """Print tables one below the other, or write them to a file.

    Args:
        tables: what to print.
        output: one of `FORMATS`, or `auto`: aligned columns on a terminal, Markdown elsewhere.
        style: appearance.
        to: file to write; None for standard output.
    """
    styled = [_styled(table, style) for table in tables]
    if to is not None:
        write_bytes(to, _to_text(styled, output, style).encode("utf-8", "replace"))
    elif output == "auto" and sys.stdout.isatty():
        for number, table in enumerate(styled):
            if number:
                click.echo()
            _draw(table, style.highlight or "none")
    else:
        click.echo(_to_text(styled, output, style), nl=False)


def _styled(table: Table, style: Style) -> Table:
    """The table with the style's digits and caption, and without deviations if it says so."""
    if style.digits is not None:
        columns = (
            replace(column, digits=style.digits) if column.digits else column
            for column in table.columns
        )
        table = replace(table, columns=tuple(columns))
    if not style.deviation:
        rows = (tuple(map(without_deviation, row)) for row in table.rows)
        table = replace(table, rows=tuple(rows))
    if style.caption:
        table = replace(table, title=f"{style.caption.rstrip('. ')}. {table.title}")
    return table


def _to_text(tables: Sequence[Table], output: str, style: Style) -> str:
    if output == "latex":
        from ....results.rendering.latex import latex_file

        return latex_file(tables, style.highlight or "second", style.label)
    if output == "html":
        from ....results.rendering.html import html_page

        return html_page(tables, style.highlight or "second", style.label)
    if output == "csv":
        return "\n".join(to_csv(table) for table in tables)
    return "\n".join(to_markdown(table, style.highlight or "none") for table in tables)


def _draw(table: Table, highlight: Highlight) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    table = without_redundant_columns(table)
    marked = marks(table, highlight)
    console = Console()
    console.print(Text(table.title, style="bold"), soft_wrap=True)
    texts = [
        [column.name, *(_unbreakable(display(row[index], column), column) for row in table.rows)]
        for index, column in enumerate(table.columns)
    ]
    widths = _widths(texts, [column.numeric for column in table.columns], console.width)
    grid = RichTable(
        box=box.SIMPLE_HEAD, padding=(0, _GAP - 1, 0, 0), pad_edge=False, show_edge=False
    )
    for column, (name, *_), width in zip(table.columns, texts, widths, strict=True):
        grid.add_column(Text(name), justify="right" if column.numeric else "left", width=width)
    last_own = len(table.rows) - table.quoted
    for number, cells in enumerate(zip(*(column[1:] for column in texts), strict=True), 1):
        styles = [_MARK_STYLES.get(mark, "") for mark in marked[number - 1]]
        grid.add_row(
            *map(Text, cells, styles), end_section=bool(table.quoted) and number == last_own
        )
    needed = sum(widths) + _GAP * (len(widths) - 1)
    Console(width=max(console.width, needed)).print(grid)
    if table.notes:
        console.print()
    for note in table.notes:
        console.print(Text(note, style="dim"), soft_wrap=True)


def _widths(texts: Sequence[Sequence[str]], numeric: Sequence[bool], width: int) -> list[int]:
    """Widths of the columns: numbers get what they need, words share the rest.

    Numeric columns try three layouts, widest first: headings and numbers unbroken, headings broken
    at spaces, numbers broken at spaces too. Nothing is cut off: the terminal breaks lines that are
    still too long.

    Args:
        texts: per column, the heading and then the cells.
        numeric: per column, whether it holds numbers.
        width: width of the terminal.
    """
    broken = [max(map(_longest_word, column)) for column in texts]
    unbroken = [max(map(len, column)) for column in texts]
    broken_headings = [max([_longest_word(column[0]), *map(len, column[1:])]) for column in texts]
    room = width - _GAP * (len(texts) - 1)
    for layout in (unbroken, broken_headings, broken):
        widths = [w if n else least for w, n, least in zip(layout, numeric, broken, strict=True)]
        if sum(widths) <= room:
            break
    wanted = [w if n else full for w, n, full in zip(widths, numeric, unbroken, strict=True)]
    return _widened(widths, wanted, room - sum(widths))


def _widened(widths: Sequence[int], wanted: Sequence[int], spare: int) -> list[int]:
    """Spread spare width over the columns below their wanted width, narrowest first."""
    widened = list(widths)
    for _ in range(spare):
        short = [index for index, width in enumerate(widened) if width < wanted[index]]
        if not short:
            break
        widened[min(short, key=widened.__getitem__)] += 1
    return widened


def _longest_word(text: str) -> int:
    return max(map(len, text.split(" ")))


def _unbreakable(text: str, column: Column) -> str:
    """The text of a number without the spaces at which the terminal could break it."""
    return text.replace("± ", "±").replace(", ", ",") if column.numeric else text
