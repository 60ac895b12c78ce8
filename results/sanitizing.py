"""Escape control characters and formulas in names that other people chose.

Category, method and file names come from datasets, plugins and imported records. Characters that
a terminal, Markdown or a spreadsheet would act on are escaped before they are printed.
"""

from __future__ import annotations

import unicodedata

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of control, format (reading direction) and line-breaking characters."""


def printable(text: str, keep: str = "") -> str:
    r"""Escape control, formatting and line-breaking characters, as `\x1b` or `\u202e`.

    Args:
        text: any text.
        keep: characters to leave as they are, such as the line breaks of a longer message.

    Returns:
        Text that is safe to print.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c in keep or unicodedata.category(c) not in _UNSAFE else _escaped(c) for c in text
    )


def is_printable(text: str) -> bool:
    """Whether the text has no character that `printable` escapes."""
    return printable(text) == text


def inert_field(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would compute as a formula."""
    if text[:1] not in ("=", "+", "-", "@"):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
