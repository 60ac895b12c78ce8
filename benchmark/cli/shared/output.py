"""Tables on standard output or in a file: drawn for a terminal, else in a format to read back."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from ....results.errors import UsageError
from ....results.records.record import Record
from ....results.rendering.highlight import Highlight, Mark, marks
from ....results.rendering.markdown import display, to_csv, to_markdown
from ....results.rendering.table import Column, Table
from ....results.rendering.trimming import printed, without_deviation
from ....results.storage.files import write_bytes

FORMATS = ("markdown", "csv", "latex", "html")

_SUFFIXES = {".md": "markdown", ".csv": "csv", ".tex": "latex", ".html": "html"}

_GAP = 2
"""Spaces between the columns of a drawn table."""

_LOOKS: Mapping[Mark, str] = {"best": "bold", "second": "underline"}


@dataclass(frozen=True)
class Style:
    """What may be chosen about the looks; None is what suits the format."""

    highlight: Highlight | None = None
    digits: int | None = None
    deviation: bool = True
    caption: str | None = None
    label: str | None = None


def format_of(output: str, to: Path | None) -> str:
    """The format that is meant: where it is `auto`, that of the file's suffix."""
    if output != "auto" or to is None:
        return output
    if to.suffix not in _SUFFIXES:
        raise UsageError(
            f"--to {to}: no format is called by that suffix; there are {', '.join(_SUFFIXES)}, "
            "or choose one with --format"
        )
    return _SUFFIXES[to.suffix]


def print_tables(
    tables: Iterable[Table],
    output: str = "auto",
    style: Style = Style(),
    to: Path | None = None,
) -> None:
    """Print tables one below the other, or write them to a file.

    output: one of FORMATS, or `auto`: drawn on a terminal, Markdown elsewhere.
    """
    styled = [_styled(table, style) for table in tables]
    if to is not None:
        write_bytes(to, _written(styled, output, style).encode("utf-8", "replace"))
    elif output == "auto" and sys.stdout.isatty():
        for number, table in enumerate(styled):
            if number:
                click.echo()
            _draw(table, style.highlight or "none")
    else:
        click.echo(_written(styled, output, style), nl=False)


def _styled(table: Table, style: Style) -> Table:
    """With the digits and caption, and without deviations, as chosen; its title's facts stay."""
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


def _written(tables: Sequence[Table], output: str, style: Style) -> str:
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
    from rich.table import Table as Drawn
    from rich.text import Text

    table = printed(table)
    found = marks(table, highlight)
    console = Console()
    console.print(Text(table.title, style="bold"), soft_wrap=True)
    texts = [
        [column.name, *(_unbroken(display(row[index], column), column) for row in table.rows)]
        for index, column in enumerate(table.columns)
    ]
    widths = _widths(texts, [column.numeric for column in table.columns], console.width)
    drawn = Drawn(box=box.SIMPLE_HEAD, padding=(0, _GAP - 1, 0, 0), pad_edge=False, show_edge=False)
    for column, (name, *_), width in zip(table.columns, texts, widths, strict=True):
        drawn.add_column(Text(name), justify="right" if column.numeric else "left", width=width)
    ours = len(table.rows) - table.quoted
    for number, cells in enumerate(zip(*(column[1:] for column in texts), strict=True), 1):
        looks = [_LOOKS.get(mark, "") for mark in found[number - 1]]
        drawn.add_row(*map(Text, cells, looks), end_section=bool(table.quoted) and number == ours)
    needed = sum(widths) + _GAP * (len(widths) - 1)
    Console(width=max(console.width, needed)).print(drawn)
    if table.notes:
        console.print()
    for note in table.notes:
        console.print(Text(note, style="dim"), soft_wrap=True)


def _widths(texts: Sequence[Sequence[str]], numeric: Sequence[bool], room: int) -> list[int]:
    """Widths of columns of texts, a heading first: of numbers what fits, of words what is left.

    Numbers stand whole beside whole headings, else under headings broken at spaces, else broken at
    spaces themselves. Nothing is ever cut off: what still does not fit, the terminal breaks.
    """
    least = [max(map(_longest_word, column)) for column in texts]
    whole = [max(map(len, column)) for column in texts]
    under_broken = [max([_longest_word(column[0]), *map(len, column[1:])]) for column in texts]
    room -= _GAP * (len(texts) - 1)
    for layout in (whole, under_broken, least):
        widths = [w if n else short for w, n, short in zip(layout, numeric, least, strict=True)]
        if sum(widths) <= room:
            break
    full = [width if n else w for width, n, w in zip(widths, numeric, whole, strict=True)]
    return _widened(widths, full, room - sum(widths))


def _widened(widths: Sequence[int], full: Sequence[int], spare: int) -> list[int]:
    """Spread spare room over the columns that are not as wide as they could be, narrowest first."""
    widened = list(widths)
    for _ in range(spare):
        short = [index for index, width in enumerate(widened) if width < full[index]]
        if not short:
            break
        widened[min(short, key=widened.__getitem__)] += 1
    return widened


def _longest_word(text: str) -> int:
    return max(map(len, text.split(" ")))


def _unbroken(text: str, column: Column) -> str:
    """A deviation stays beside its sign, and an interval whole, where the cell is broken."""
    return text.replace("± ", "±").replace(", ", ",") if column.numeric else text


def default_params(records: Iterable[Record]) -> Mapping[str, Mapping[str, Any]]:
    """Each method's parameters where nothing was set, resolved for the records' features.

    A method that is not at hand here, or fails, has none: all its parameters that vary are shown.
    """
    from ...interface.method import CellFacts
    from ...plugins.methods import method_of_record

    found: dict[str, Mapping[str, Any]] = {}
    for record in records:
        if record.method in found:
            continue
        features = record.cell["features"]
        facts = CellFacts(
            features["backbone"],
            features["embedding"],
            len(record.cell["order"]["categories"]),
            tuple(sorted(record.cell["order"]["categories"])),
        )
        method = method_of_record(record.method)
        if method is None:
            continue
        try:
            found[record.method] = method.resolve(method.Params(), facts).whole()
        except Exception:  # its own code, which must not keep anybody from reading records
            continue
    return found
