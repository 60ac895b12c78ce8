"""Numbers with their nouns in messages."""

from __future__ import annotations


def format_count(number: int, noun: str, plural: str | None = None) -> str:
    """Such as `1 record` or `2 records`; `plural` is for irregular nouns."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
