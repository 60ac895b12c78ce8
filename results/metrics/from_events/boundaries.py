"""Whether a method notices that the stream has changed, from what it recorded as a switch.

Positions count the training images of the run in the order in which the method gets them. A
boundary b has b images before it, and the image after it is of another column of R than the one
before. A switch at p was decided when the method had read p images. It belongs to the last boundary
before it (b < p). The first switch of a boundary finds it; every other switch is false. So a
boundary is found until the next one, and there is no tolerance to choose.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ...errors import CadbenchError
from ...records.schema import SEGMENT, SWITCH
from ..metric import ContinualMetric, Measured

if TYPE_CHECKING:
    import pandas as pd


def delays_of(boundaries: Sequence[int], switches: Iterable[int]) -> dict[int, int]:
    """Match switches to boundaries.

    Args:
        boundaries: positions, ascending.
        switches: positions.

    Returns:
        Found boundary -> images from it to the switch that found it.
    """
    found: dict[int, int] = {}
    for switch in sorted(switches):
        place = bisect_left(boundaries, switch) - 1
        if place >= 0:
            found.setdefault(boundaries[place], switch - boundaries[place])
    return found


def boundaries_found(boundaries: Sequence[int], switches: Sequence[int]) -> Measured:
    """Number of boundaries with a switch before the next one."""
    return Measured(float(len(delays_of(boundaries, switches))), len(boundaries))


def boundaries_missed(boundaries: Sequence[int], switches: Sequence[int]) -> Measured:
    """Number of boundaries without a switch before the next one."""
    missed = len(boundaries) - len(delays_of(boundaries, switches))
    return Measured(float(missed), len(boundaries))


def false_switches(boundaries: Sequence[int], switches: Sequence[int]) -> Measured:
    """Number of switches that find no boundary."""
    false = len(switches) - len(delays_of(boundaries, switches))
    return Measured(float(false), len(boundaries))


def boundary_delay(boundaries: Sequence[int], switches: Sequence[int]) -> Measured:
    """Mean number of images from a found boundary to its switch; NaN if none is found."""
    delays = delays_of(boundaries, switches).values()
    return Measured(sum(delays) / len(delays) if delays else math.nan, len(boundaries))


def boundaries_and_switches(events: pd.DataFrame) -> tuple[list[int], list[int]] | None:
    """Read the positions from the events of a run.

    Returns:
        Positions of the boundaries and of the switches; None if the method declares no switches.

    Raises:
        CadbenchError: a position is no whole number, or outside of its experience.
    """
    segments = events[events["kind"] == SEGMENT]
    if not len(segments):
        return None
    boundaries: list[int] = []
    begins: dict[int, int] = {}
    total, before = 0, None
    for t, column, images in zip(
        *(segments[name].tolist() for name in ("experience", "category", "images")), strict=True
    ):
        begins.setdefault(int(t), total)
        if before not in (None, column):
            boundaries.append(total)
        total, before = total + _whole(images), column
    ends = dict(zip(begins, [*list(begins.values())[1:], total], strict=True))
    switches = []
    found = events[events["kind"] == SWITCH]
    for t, image in zip(found["experience"].tolist(), found.get("image", ()), strict=True):
        position = begins.get(int(t), 0) + _whole(image)
        if position > ends.get(int(t), 0):
            raise CadbenchError(f"a switch at image {_whole(image)} is outside of experience {t}")
        switches.append(position)
    return boundaries, switches


def _whole(value: float | None) -> int:
    if value is None or not math.isfinite(value) or value < 1 or value != int(value):
        raise CadbenchError(f"events of boundaries need whole numbers of images, not {value!r}")
    return int(value)


_FROM = "; methods that declare finds_boundaries only"

METRICS = (
    ContinualMetric(
        name="boundaries_found",
        heading="found",
        function=boundaries_found,
        needs="scores",
        higher_is_better=True,
        range="0 to inf",
        formula="boundaries with a switch before the next boundary",
        meaning="how often the method notices that another category has begun, or one has "
        "returned, although nothing says so" + _FROM,
    ),
    ContinualMetric(
        name="boundaries_missed",
        heading="missed",
        function=boundaries_missed,
        needs="scores",
        higher_is_better=False,
        range="0 to inf",
        formula="boundaries without a switch before the next boundary",
        meaning="changes of the stream that the method does not notice" + _FROM,
    ),
    ContinualMetric(
        name="false_switches",
        heading="false",
        function=false_switches,
        needs="scores",
        higher_is_better=False,
        range="0 to inf",
        formula="switches - boundaries found",
        meaning="switches where nothing has changed, or that has been noticed already" + _FROM,
    ),
    ContinualMetric(
        name="boundary_delay",
        heading="delay",
        function=boundary_delay,
        needs="scores",
        higher_is_better=False,
        range="1 to inf",
        formula="mean over found boundaries of the images from the boundary to its switch",
        meaning="how soon a change is noticed, in training images" + _FROM,
    ),
)
