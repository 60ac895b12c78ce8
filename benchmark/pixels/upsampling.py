"""The matrix products that upsample and smooth patch maps, compiled for the CPU.

A pixel depends on a few patches, so most entries of a matrix are zero and are skipped. Sums are
computed in a fixed order and without fused operations, so every machine gets the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

_ROWS_PER_STEP = 3
"""Rows of patches that are added to a row of pixels in one pass."""


@dataclass(frozen=True, eq=False)
class BandMatrix:
    """A matrix (size, patches) whose nonzero entries are consecutive in each row.

    Attributes:
        weights: (size, patches + 2) float64: the matrix, padded with zeros on the right.
        first, end: (size,) int64: the range of nonzero columns of each row.
    """

    weights: np.ndarray
    first: np.ndarray
    end: np.ndarray

    @classmethod
    def from_dense(cls, matrix: np.ndarray) -> BandMatrix:
        """Convert a matrix (size, patches) float64 without empty rows."""
        nonzero = matrix != 0
        end = matrix.shape[1] - nonzero[:, ::-1].argmax(1)
        return cls(np.pad(matrix, ((0, 0), (0, _ROWS_PER_STEP - 1))), nonzero.argmax(1), end)


def upsample(maps: np.ndarray, rows: BandMatrix, columns: BandMatrix) -> np.ndarray:
    """Compute A M B^T for each map M, in float64 and rounded once.

    Args:
        maps: (N, h, w) float64.
        rows: A (size, h).
        columns: B (size, w).

    Returns:
        (N, size, size) float32.
    """
    size = len(rows.weights)
    full = np.empty((len(maps), size, size), np.float32)
    bands = (rows.weights, rows.first, rows.end, columns.weights, columns.first, columns.end)
    _upsample(maps, *bands, full)
    return full


@numba.njit(cache=True, nogil=True)
def _upsample(
    maps: np.ndarray,
    rows: np.ndarray,
    first_row: np.ndarray,
    end_row: np.ndarray,
    columns: np.ndarray,
    first_column: np.ndarray,
    end_column: np.ndarray,
    full: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Every innermost loop runs over contiguous memory, so that it is vectorized."""
    height, width = maps.shape[1:]
    size = len(rows)
    transposed, stretched = np.empty((width, height)), np.empty((size, height))
    lines, line = np.zeros((height + _ROWS_PER_STEP - 1, size)), np.empty(size)
    for image in range(len(maps)):
        for i in range(height):
            for j in range(width):
                transposed[j, i] = maps[image, i, j]
        for x in range(size):
            column = stretched[x]
            column[:] = 0.0
            for j in range(first_column[x], end_column[x]):
                weight, patches = columns[x, j], transposed[j]
                for i in range(height):
                    column[i] += weight * patches[i]
        for i in range(height):
            for x in range(size):
                lines[i, x] = stretched[x, i]
        for y in range(size):
            line[:] = 0.0
            for i in range(first_row[y], end_row[y], _ROWS_PER_STEP):
                above, here, below = rows[y, i], rows[y, i + 1], rows[y, i + 2]
                one, two, three = lines[i], lines[i + 1], lines[i + 2]
                for x in range(size):
                    line[x] = line[x] + above * one[x] + here * two[x] + below * three[x]
            into = full[image, y]
            for x in range(size):
                into[x] = line[x]
