"""Numbers with their nouns in messages."""

from __future__ import annotations


def format_count(number: int, noun: str) -> str:
    """Such as `1 record` or `2 records`, for nouns with a regular plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
