"""Tables on standard output: drawn for a terminal, Markdown for a pipe or file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click

from results.record import Record
from results.render import display, to_csv, to_markdown
from results.table import Table


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

    drawn = Drawn(title=Text(table.title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD)
    for column in table.columns:
        drawn.add_column(Text(column.name), justify="right" if column.numeric else "left")
    for row in table.rows:
        cells = zip(row, table.columns, strict=True)
        drawn.add_row(*(Text(display(value, column)) for value, column in cells))
    console = Console()
    console.print(drawn)
    for note in table.notes:
        console.print(Text(note, style="dim"))


def default_params(records: Iterable[Record]) -> Mapping[str, Mapping[str, Any]]:
    """Each method's parameters where nothing was set, resolved for the records' features.

    A method that is not installed here has none: all its parameters that vary are shown.
    """
    from benchmark.method import CellFacts
    from benchmark.registry import load_method
    from results.errors import CadbenchError

    found: dict[str, Mapping[str, Any]] = {}
    for record in records:
        if record.method in found:
            continue
        features = record.cell["features"]
        facts = CellFacts(features["backbone"], features["embedding"], len(record.categories))
        try:
            method = load_method(record.method)
            found[record.method] = method.resolve(method.Params(), facts).as_dict()
        except CadbenchError:
            continue
    return found
