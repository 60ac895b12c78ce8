"""Break text at words, so that paths, options and numbers stay in one piece."""

from __future__ import annotations

import re
import textwrap


def wrap_words(text: str, width: int, indent: int = 0) -> str:
    """Break each line of a message between words.

    Words that are longer than a line are left to the terminal, so that a path can be copied.

    Args:
        text: one or several lines.
        width: width of the terminal.
        indent: spaces in front of the lines that are added.
    """
    return "\n".join(
        textwrap.fill(
            line,
            max(width, 1),
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
            subsequent_indent=" " * min(indent, width // 2),
        )
        if len(line) > width
        else line
        for line in text.split("\n")
    )


def wrap_cell(text: str, width: int, *, breakable: bool) -> str:
    """Break the text of a table's cell or heading.

    Args:
        text: one line.
        width: width of the column.
        breakable: whether words that are too long are broken after punctuation, and anywhere if
            that is not enough. If not, they stay longer than the column.
    """
    pieces = []
    for word in text.split(" "):
        if breakable and len(word) > width:
            parts = re.findall(r".+?(?:[-_/,.:=@+]|$)", word)
            pieces += [(part, number == 0) for number, part in enumerate(_joined(parts, width))]
        else:
            pieces.append((word, True))
    lines = [""]
    for number, (piece, after_space) in enumerate(pieces):
        gap = " " if after_space and number and lines[-1] else ""
        if lines[-1] and len(lines[-1] + gap + piece) > width:
            lines.append(piece)
        else:
            lines[-1] += gap + piece
    return "\n".join(lines)


def _joined(parts: list[str], width: int) -> list[str]:
    """Parts of one word, cut where they are wider than a line, as they follow each other."""
    return [part[at : at + width] for part in parts for at in range(0, len(part), max(width, 1))]
