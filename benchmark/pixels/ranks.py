"""Where sorted thresholds stand among many values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numba
import numpy as np

_BUCKETS_EACH = 32
"""Buckets a threshold, so that most hold one or none."""
_MOST_BUCKETS = 1 << 18
"""Half a MB (a MB where thresholds do not fit 16 bits), which stays in a core's cache."""
_AT_ONCE = 1 << 11
"""Values whose buckets are worked out in one go, with vector instructions."""


@dataclass(frozen=True, eq=False)
class Ladder:
    """Thresholds (U,) float32 that ascend and are distinct, and buckets of equal width over them.

    first (B + 1,) uint16 or int32: the first threshold of each bucket, or of a later one; scale:
    buckets over the range of the thresholds. The bucket of a value never falls as the value grows,
    so thresholds of earlier buckets are below it, and those of its own are few.
    """

    thresholds: np.ndarray
    first: np.ndarray
    scale: float

    @classmethod
    def of(cls, thresholds: np.ndarray) -> Ladder:
        """The buckets that fit these thresholds."""
        count = min(_BUCKETS_EACH * len(thresholds), _MOST_BUCKETS)
        width = float(thresholds[-1]) - float(thresholds[0])
        scale = (count - 1) / width if width else 0.0
        few = len(thresholds) <= np.iinfo(np.uint16).max
        first = np.empty(count + 1, np.uint16 if few else np.int32)
        _mark_buckets(thresholds, scale, first)
        return cls(thresholds, first, scale)

    def beaten(self, pieces: Iterable[np.ndarray]) -> np.ndarray:
        """(2, U) int64: how many of all values are above each threshold, and how many at or above.

        Pieces are (n,) float32, of values that may be infinite; each is asked for when it is
        counted.
        """
        counts = np.zeros((2, len(self.thresholds) + 1), np.int64)
        for values in pieces:
            _count(self.thresholds, self.first, self.scale, values, counts)
        reached, equal = counts
        called = np.cumsum(reached[::-1])[-2::-1]
        return np.stack([called - equal[1:], called])


@numba.njit(cache=True, nogil=True)
def _buckets_of(
    thresholds: np.ndarray, values: np.ndarray, scale: float, buckets: np.ndarray
) -> None:  # pragma: no cover (compiled)
    """Write the bucket of each value (n,): that of the nearest threshold where it is beyond all."""
    low, high = np.float64(thresholds[0]), np.float64(thresholds[-1])
    for place in range(len(values)):
        buckets[place] = np.int32((min(max(np.float64(values[place]), low), high) - low) * scale)


@numba.njit(cache=True, nogil=True)
def _mark_buckets(
    thresholds: np.ndarray, scale: float, first: np.ndarray
) -> None:  # pragma: no cover (compiled)
    """Write the first threshold of each bucket, or of a later one."""
    buckets = np.empty(len(thresholds), np.int32)
    _buckets_of(thresholds, thresholds, scale, buckets)
    place = 0
    for bucket in range(len(first)):
        while place < len(buckets) and buckets[place] < bucket:
            place += 1
        first[bucket] = place


@numba.njit(cache=True, nogil=True)
def _count(
    thresholds: np.ndarray,
    first: np.ndarray,
    scale: float,
    values: np.ndarray,
    counts: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Add up in counts (2, U + 1) how many values have so many thresholds at or below them, and how
    many of these equal the highest of those.

    Every value counts for the first threshold of its bucket; the few whose bucket has thresholds
    are then moved to where they belong. So nothing is left to guess for most of them.
    """
    buckets, mixed = np.empty(_AT_ONCE, np.int32), np.empty(_AT_ONCE, np.int32)
    for start in range(0, len(values), _AT_ONCE):
        some = values[start : start + _AT_ONCE]
        _buckets_of(thresholds, some, scale, buckets)
        many = 0
        for place in range(len(some)):
            bucket = buckets[place]
            before = np.int64(first[bucket])
            mixed[many] = place
            many += first[bucket + 1] != before
            counts[0, before] += 1
        for place in mixed[:many]:
            value, bucket = some[place], buckets[place]
            before, high = np.int64(first[bucket]), np.int64(first[bucket + 1])
            low = before
            while high - low > 4:
                middle = (low + high) // 2
                if thresholds[middle] <= value:
                    low = middle + 1
                else:
                    high = middle
            while low < high and thresholds[low] <= value:
                low += 1
            if low > before:
                counts[0, before] -= 1
                counts[0, low] += 1
                counts[1, low] += thresholds[low - 1] == value
