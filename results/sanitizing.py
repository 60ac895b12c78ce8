"""Names that somebody else chose, made harmless where they are shown.

Category, method and file names come from datasets, plugins and records of strangers. What a
terminal, Markdown or a spreadsheet would act on is shown as text.
"""

from __future__ import annotations

import unicodedata

_ACTING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of control, format (reading direction) and line-breaking characters."""


def printable(text: str, keep: str = "") -> str:
    r"""`text` with every character that is not for reading written as `\x1b`, `\u202e`, ..

    keep: such characters that stay, as the line breaks of a message of several lines.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c in keep or unicodedata.category(c) not in _ACTING else _escaped(c) for c in text
    )


def is_printable(text: str) -> bool:
    """Whether `printable` leaves the text as it is."""
    return printable(text) == text


def inert_field(text: str) -> str:
    """`text` as a spreadsheet shows it instead of computing it: formulae start with these."""
    if text[:1] not in ("=", "+", "-", "@"):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
