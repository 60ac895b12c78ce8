"""The products that make a full map of a patch map, compiled for the CPU.

A pixel depends on a few patches, so most of either matrix is zero, and is left out. Sums are made
in one order and without fused operations: every machine gives the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

_TOGETHER = 3
"""Rows of patches that are added to a row of pixels in one go."""


@dataclass(frozen=True, eq=False)
class Bands:
    """A matrix (size, patches) whose rows are zero but for one stretch each.

    weights (size, patches + 2) float64: the matrix, and zeros behind it; first, end (size,) int64:
    where the stretches begin and end.
    """

    weights: np.ndarray
    first: np.ndarray
    end: np.ndarray

    @classmethod
    def of(cls, matrix: np.ndarray) -> Bands:
        """Of a matrix (size, patches) float64 that has a value in every row."""
        there = matrix != 0
        end = matrix.shape[1] - there[:, ::-1].argmax(1)
        return cls(np.pad(matrix, ((0, 0), (0, _TOGETHER - 1))), there.argmax(1), end)


def enlarged(maps: np.ndarray, rows: Bands, columns: Bands) -> np.ndarray:
    """A M B^T of each map M: (N, h, w) float64 -> (N, size, size) float32.

    rows: A (size, h); columns: B (size, w). Worked out in float64 and rounded once.
    """
    size = len(rows.weights)
    full = np.empty((len(maps), size, size), np.float32)
    bands = (rows.weights, rows.first, rows.end, columns.weights, columns.first, columns.end)
    _enlarge(maps, *bands, full)
    return full


@numba.njit(cache=True, nogil=True)
def _enlarge(
    maps: np.ndarray,
    rows: np.ndarray,
    first_row: np.ndarray,
    end_row: np.ndarray,
    columns: np.ndarray,
    first_column: np.ndarray,
    end_column: np.ndarray,
    full: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Every innermost loop runs over what lies side by side, so that it is vectorized."""
    height, width = maps.shape[1:]
    size = len(rows)
    turned, stretched = np.empty((width, height)), np.empty((size, height))
    lines, line = np.zeros((height + _TOGETHER - 1, size)), np.empty(size)
    for image in range(len(maps)):
        for i in range(height):
            for j in range(width):
                turned[j, i] = maps[image, i, j]
        for x in range(size):
            column = stretched[x]
            column[:] = 0.0
            for j in range(first_column[x], end_column[x]):
                weight, patches = columns[x, j], turned[j]
                for i in range(height):
                    column[i] += weight * patches[i]
        for i in range(height):
            for x in range(size):
                lines[i, x] = stretched[x, i]
        for y in range(size):
            line[:] = 0.0
            for i in range(first_row[y], end_row[y], _TOGETHER):
                above, here, below = rows[y, i], rows[y, i + 1], rows[y, i + 2]
                one, two, three = lines[i], lines[i + 1], lines[i + 2]
                for x in range(size):
                    line[x] = line[x] + above * one[x] + here * two[x] + below * three[x]
            into = full[image, y]
            for x in range(size):
                into[x] = line[x]
