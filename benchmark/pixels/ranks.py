"""Where sorted thresholds stand among many values."""

from __future__ import annotations

import numba
import numpy as np


def beaten(thresholds: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(2, U) int64: how many values (n,) are above each threshold (U,), and at or above it.

    Thresholds ascend and are distinct.
    """
    counts = np.empty((2, len(thresholds)), np.int64)
    _count_beaten(thresholds, np.sort(values), counts)
    return counts


@numba.njit(cache=True, nogil=True)
def _count_beaten(
    thresholds: np.ndarray, ranked: np.ndarray, counts: np.ndarray
) -> None:  # pragma: no cover (compiled)
    """Each threshold is sought in growing steps from the place of the one before."""
    size = len(ranked)
    place = 0  # of the first value that is not below the threshold
    for index in range(len(thresholds)):
        threshold = thresholds[index]
        step = 1
        while place + step <= size and ranked[place + step - 1] < threshold:
            place += step
            step *= 2
        high = min(size, place + step - 1)
        while place < high:
            middle = (place + high) // 2
            if ranked[middle] < threshold:
                place = middle + 1
            else:
                high = middle
        counts[1, index] = size - place
        while place < size and ranked[place] == threshold:
            place += 1
        counts[0, index] = size - place
