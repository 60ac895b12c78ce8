"""Break text at words, so that paths, options and numbers stay in one piece."""

from __future__ import annotations

import re
import unicodedata


def text_width(text: str) -> int:
    """The number of characters of a terminal that a line takes: two for each wide one (CJK)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def wrap_words(text: str, width: int, indent: int = 0) -> str:
    """Break each line of a message between words.

    Words that are longer than a line are left to the terminal, so that a path can be copied.

    Args:
        text: one or several lines.
        width: width of the terminal.
        indent: spaces in front of the lines that are added.
    """
    margin = " " * min(indent, width // 2)
    return "\n".join(_wrap_line(line, width, margin) for line in text.split("\n"))


def _wrap_line(line: str, width: int, margin: str) -> str:
    if text_width(line) <= width:
        return line
    words = re.findall(r" *[^ ]+", line)
    lines = words[:1]
    for word in words[1:]:
        if text_width(lines[-1] + word) <= width:
            lines[-1] += word
        else:
            lines.append(margin + word.lstrip(" "))
    return "\n".join(lines)


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
        if breakable and text_width(word) > width:
            parts = re.findall(r".+?(?:[-_/,.:=@+]|$)", word)
            pieces += [(part, number == 0) for number, part in enumerate(_cut(parts, width))]
        else:
            pieces.append((word, True))
    lines = [""]
    for number, (piece, after_space) in enumerate(pieces):
        gap = " " if after_space and number and lines[-1] else ""
        if lines[-1] and text_width(lines[-1] + gap + piece) > width:
            lines.append(piece)
        else:
            lines[-1] += gap + piece
    return "\n".join(lines)


def _cut(parts: list[str], width: int) -> list[str]:
    """The parts of one word, cut where they are wider than a line."""
    pieces = []
    for part in parts:
        piece = ""
        for character in part:
            if piece and text_width(piece + character) > width:
                pieces.append(piece)
                piece = ""
            piece += character
        pieces.append(piece)
    return pieces
