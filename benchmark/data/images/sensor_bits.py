"""How many bits of 16-bit samples hold values: sensors of 10, 12 or 14 bits are stored in 16."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..entries import Entry
from ..item import FULL_DEPTH
from .image_facts import ImageFacts

_SENSORS = (8, 10, 12, 14, FULL_DEPTH)


def sensor_bits(entries: Iterable[Entry], facts: Mapping[str, ImageFacts]) -> dict[str, int]:
    """The bits that hold values in each image with 16-bit samples, by path.

    All such images of a category are scaled in the same way: the fewest bits of a usual sensor that
    hold the highest sample of all of them.

    Args:
        entries: the images.
        facts: by path; unreadable images are missing.
    """
    deep = [
        (entry, facts[entry.path])
        for entry in entries
        if entry.path in facts and facts[entry.path].is_deep
    ]
    tops: dict[str, int] = {}
    for entry, image in deep:
        tops[entry.category] = max(tops.get(entry.category, 0), image.top)
    bits = {
        category: next(sensor for sensor in _SENSORS if top < 2**sensor)
        for category, top in tops.items()
    }
    return {entry.path: bits[entry.category] for entry, _ in deep}
