"""Print tables on a terminal, or write them as Markdown, CSV, LaTeX or HTML."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from ....results.errors import UsageError
from ....results.rendering.highlight import Highlight
from ....results.rendering.markdown import to_csv, to_markdown
from ....results.rendering.table import Table
from ....results.rendering.terminal import MORE, draw
from ....results.rendering.trimming import without_deviation
from ....results.storage.files import write_bytes
from .messages import echo

FORMATS = ("markdown", "csv", "latex", "html")

_SUFFIXES = {".md": "markdown", ".csv": "csv", ".tex": "latex", ".html": "html"}


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
    *,
    more: str = MORE,
) -> None:
    """Print tables one below the other, or write them to a file.

    Args:
        tables: what to print.
        output: one of `FORMATS`, or `auto`: aligned columns on a terminal, Markdown elsewhere.
        style: appearance.
        to: file to write; None for standard output.
        more: how to get the columns that do not fit into the terminal.
    """
    styled = [_styled(table, style) for table in tables]
    if to is not None:
        write_bytes(to, _to_text(styled, output, style).encode("utf-8", "replace"))
    elif output == "auto" and sys.stdout.isatty():
        from rich.console import Console

        console = Console()
        for number, table in enumerate(styled):
            if number:
                click.echo()
            draw(table, console, style.highlight or "none", more)
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
        from ....results.rendering.latex import latex_file, shrinking

        for line in dict.fromkeys(filter(None, map(shrinking, tables))):
            echo(f"warning: {line}", err=True)
        return latex_file(tables, style.highlight or "second", style.label)
    if output == "html":
        from ....results.rendering.html import html_page

        return html_page(tables, style.highlight or "second", style.label)
    if output == "csv":
        return "\n".join(to_csv(table) for table in tables)
    return "\n".join(to_markdown(table, style.highlight or "none") for table in tables)
