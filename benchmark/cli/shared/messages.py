"""Messages of the command line, which break between words on a terminal."""

from __future__ import annotations

import os
import sys

import click

from ....results.rendering.wrapping import wrap_words
from ....results.sanitizing import printable


def echo(text: str, *, err: bool = False, indent: int = 0) -> None:
    """Print a message. Control characters are escaped.

    Args:
        text: one line.
        err: print on standard error.
        indent: spaces in front of the lines that follow where the terminal is too narrow.
    """
    text = printable(text)
    stream = sys.stderr if err else sys.stdout
    if stream.isatty():
        text = wrap_words(text, _width(stream.fileno()), indent)
    click.echo(text, err=err)


def _width(terminal: int) -> int:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() else os.get_terminal_size(terminal).columns or 80
