"""Messages of the command line, which break between words on a terminal."""

from __future__ import annotations

import os
import sys

import click

from ....results.did_you_mean import suggestion
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


def usage_message(error: click.ClickException) -> str:
    """The message of an error of click, with a suggestion if a word is none of the choices."""
    text = error.format_message()
    kind = getattr(getattr(error, "param", None), "type", None)
    word, is_choice, _ = error.message.partition(" is not one of ")
    if not (isinstance(kind, click.Choice) and is_choice):
        return text
    meant = suggestion(word.strip("'\""), map(str, kind.choices))
    return text.replace(f"{word}{is_choice}", f"{word}{meant}{is_choice}")


def _width(terminal: int) -> int:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() else os.get_terminal_size(terminal).columns or 80
