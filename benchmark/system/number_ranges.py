"""Whole numbers and ranges of them, as texts on the command line write them."""

from __future__ import annotations

MOST = 10_000
"""Values that one range may stand for; a sweep of more is run in parts."""

_DIGITS = 18
"""Of the largest number: it fits in 64 bits, and Python refuses to read thousands."""


def whole_number(text: str) -> int | None:
    """The number from 0 that the text writes in digits, below 10**18; None where it is none."""
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None


def spanned(low: int, high: int) -> range:
    """From `low` to `high`, both included; `ValueError` where these are too many or backwards."""
    if low > high:
        raise ValueError(f"the range {low}-{high} runs backwards")
    if high - low >= MOST:
        raise ValueError(f"the range {low}-{high} has more than {MOST:,} values; run them in parts")
    return range(low, high + 1)
