"""Whole numbers and ranges of them, as written on the command line."""

from __future__ import annotations

MAX_VALUES = 10_000
"""Largest number of values in one range; a larger sweep has to be run in parts."""

_MAX_DIGITS = 18
"""Numbers of so many digits fit in 64 bits, and Python refuses to parse thousands of digits."""


def parse_whole_number(text: str) -> int | None:
    """The number that `text` writes in digits (0 or more, below 10**18), or None."""
    return int(text) if text.isdecimal() and len(text) <= _MAX_DIGITS else None


def inclusive_range(low: int, high: int) -> range:
    """The numbers from `low` to `high`, both included.

    Raises:
        ValueError: `low` is above `high`, or there are more than `MAX_VALUES` numbers.
    """
    if low > high:
        raise ValueError(f"the range {low}-{high} runs backwards; write {high}-{low}")
    if high - low >= MAX_VALUES:
        raise ValueError(
            f"the range {low}-{high} has more than {MAX_VALUES:,} values; run them in parts"
        )
    return range(low, high + 1)
