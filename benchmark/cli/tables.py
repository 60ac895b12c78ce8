"""Tables on standard output: drawn for a terminal, Markdown for a pipe or file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from results.record import Record
from results.render import display, to_csv, to_markdown
from results.table import Column, Table

_GAP = 2
"""Spaces between the columns of a drawn table."""


def print_tables(tables: Iterable[Table], output: str = "auto") -> None:
    """Print tables one below the other; output: `auto`, `markdown` or `csv`."""
    for number, table in enumerate(tables):
        if number:
            click.echo()
        if output == "csv":
            click.echo(to_csv(table), nl=False)
        elif output == "markdown" or not sys.stdout.isatty():
            click.echo(to_markdown(table), nl=False)
        else:
            _draw(table)


def _draw(table: Table) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

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
        drawn.add_row(*map(Text, cells), end_section=bool(table.quoted) and number == ours)
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
    from benchmark.method import CellFacts
    from benchmark.registry import method_at_hand

    found: dict[str, Mapping[str, Any]] = {}
    for record in records:
        if record.method in found:
            continue
        features = record.cell["features"]
        facts = CellFacts(features["backbone"], features["embedding"], len(record.categories))
        method = method_at_hand(record.method)
        if method is None:
            continue
        try:
            found[record.method] = method.resolve(method.Params(), facts).as_dict()
        except Exception:  # its own code, which must not keep anybody from reading records
            continue
    return found
