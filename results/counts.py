"""Numbers with their nouns, in singular or plural."""

from __future__ import annotations


def format_count(number: int, noun: str) -> str:
    """Such as `1 record`, `2 records` or `3 categories`."""
    return f"{number} {pluralize(noun, number)}"


def pluralize(noun: str, number: int) -> str:
    """The noun for this number of things: `category` for one, else `categories`."""
    if number == 1:
        return noun
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{noun}s"
