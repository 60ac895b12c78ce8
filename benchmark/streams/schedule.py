"""Schedules: how many categories each experience introduces, written `1x15`, `14-1`, `10-1x5`."""

from __future__ import annotations

import re

from ...results.counts import format_count
from ...results.errors import UsageError

_PART = re.compile(r"(?P<size>[1-9]\d{0,17})(x(?P<times>[1-9]\d{0,17}|\*))?")


def experience_sizes(schedule: str, categories: int) -> tuple[int, ...]:
    """Parse a schedule.

    Args:
        schedule: `AxB` is B experiences of A categories, `-` concatenates, and `*` as B means as
            many as are left.
        categories: number of categories in the stream.

    Returns:
        The number of categories of each experience.

    Raises:
        UsageError: the text is malformed or does not sum to `categories`.
    """
    parts = [_PART.fullmatch(part) for part in schedule.replace(" ", "").split("-")]
    if not all(parts):
        raise UsageError(
            f"--schedule {schedule!r} is not a schedule; write 1x15, 14-1, 10-5, 3x5, 10-1x5 or 1x*"
        )
    matched = [part for part in parts if part]
    fixed = sum(int(p["size"]) * int(p["times"] or 1) for p in matched if p["times"] != "*")
    stars = [part for part in matched if part["times"] == "*"]
    if len(stars) > 1:
        raise UsageError(f"--schedule {schedule!r} has more than one *")
    left = categories - fixed
    if left < 0 or (left > 0 and not stars):
        raise UsageError(
            f"--schedule {schedule!r} covers {format_count(fixed, 'category')}, the dataset has "
            f"{categories}"
        )
    sizes: list[int] = []
    for part in matched:
        size, times = int(part["size"]), part["times"] or "1"
        if times != "*":
            sizes.extend([size] * int(times))
        elif left == 0 or left % size:
            raise UsageError(
                f"--schedule {schedule!r} does not fit {format_count(categories, 'category')}: "
                f"{left} {'is' if left == 1 else 'are'} left for experiences of {size}"
            )
        else:
            sizes.extend([size] * (left // size))
    return tuple(sizes)


def count_categories(schedule: str) -> int:
    """Count the categories that a schedule without a `*` covers; malformed parts count 0."""
    parts = [_PART.fullmatch(part) for part in schedule.split("-")]
    fixed = [part for part in parts if part and part["times"] != "*"]
    return sum(int(part["size"]) * int(part["times"] or 1) for part in fixed)


def canonical(sizes: tuple[int, ...]) -> str:
    """Write sizes as the shortest schedule: (1,) * 15 is `1x15`, (14, 1) is `14-1`."""
    parts: list[str] = []
    start = 0
    for end in range(1, len(sizes) + 1):
        if end == len(sizes) or sizes[end] != sizes[start]:
            times = end - start
            parts.append(f"{sizes[start]}x{times}" if times > 1 else f"{sizes[start]}")
            start = end
    return "-".join(parts) if len(sizes) > 1 else f"{sizes[0]}x1"
