"""Counts of values at or above each of many sorted thresholds, without sorting the values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numba
import numpy as np

_BUCKETS_PER_THRESHOLD = 32
"""Buckets per threshold; with so many, most buckets contain at most one threshold."""
_MAX_BUCKETS = 1 << 18
"""With so many buckets, their table takes 0.5 or 1 MB and stays in a core's cache."""
_BATCH = 1 << 11
"""Values whose buckets are computed together, with vector instructions."""


@dataclass(frozen=True, eq=False)
class ThresholdBuckets:
    """Thresholds, and buckets of equal width over their range.

    A larger value is never in an earlier bucket. So all thresholds of earlier buckets are below a
    value, all of later buckets are above it, and only the few of its own bucket are compared.

    Attributes:
        thresholds: (U,) float32, distinct and ascending.
        first: (B + 1,) uint16 or int32: the index of the first threshold in bucket b or a later
            one.
        scale: buckets per unit of the thresholds.
    """

    thresholds: np.ndarray
    first: np.ndarray
    scale: float

    @classmethod
    def build(cls, thresholds: np.ndarray) -> ThresholdBuckets:
        """Build the buckets of thresholds (U,) float32, distinct and ascending."""
        count = min(_BUCKETS_PER_THRESHOLD * len(thresholds), _MAX_BUCKETS)
        low, high = np.float64(thresholds[0]), np.float64(thresholds[-1])
        scale = (count - 1) / (high - low) if high > low else 0.0
        buckets = ((thresholds.astype(np.float64) - low) * scale).astype(np.int32)
        fits_16_bits = len(thresholds) <= np.iinfo(np.uint16).max
        first = np.zeros(count + 1, np.uint16 if fits_16_bits else np.int32)
        np.cumsum(np.bincount(buckets, minlength=count), out=first[1:])
        return cls(thresholds, first, scale)

    def count(self, chunks: Iterable[np.ndarray]) -> np.ndarray:
        """Count the values above each threshold, and those at or above it.

        Args:
            chunks: arrays (n,) float32, which may hold infinite values; each is requested when
                the previous one has been counted.

        Returns:
            (2, U) int64.
        """
        counts = np.zeros((2, len(self.thresholds) + 1), np.int64)
        for values in chunks:
            _count(self.thresholds, self.first, self.scale, values, counts)
        highest_reached, equal = counts
        at_or_above = np.cumsum(highest_reached[::-1])[-2::-1]
        return np.stack([at_or_above - equal[1:], at_or_above])


@numba.njit(cache=True, nogil=True)
def _count(
    thresholds: np.ndarray,
    first: np.ndarray,
    scale: float,
    values: np.ndarray,
    counts: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Add values to counts (2, U + 1), by the number k of thresholds at or below each value.

    counts[0, k]: values with k such thresholds; counts[1, k]: those equal to the highest of them.
    Every value is first counted as if it were below all thresholds of its bucket; then the few
    values whose bucket has thresholds are corrected. So the loop over all values has no branches.
    """
    lowest, highest = np.float64(thresholds[0]), np.float64(thresholds[-1])
    buckets, mixed = np.empty(_BATCH, np.int32), np.empty(_BATCH, np.int32)
    for start in range(0, len(values), _BATCH):
        some = values[start : start + _BATCH]
        for place in range(len(some)):  # a value beyond all thresholds gets the nearest bucket
            inside = min(max(np.float64(some[place]), lowest), highest)
            buckets[place] = np.int32((inside - lowest) * scale)
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
