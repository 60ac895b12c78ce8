"""The second half of the exact search on the CPU: compiled, one pass over each row of products."""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nnan", "nsz"})
def settle(
    products: np.ndarray,
    slack: np.ndarray,
    queries: np.ndarray,
    vectors: np.ndarray,
    ends: np.ndarray,
    nearest: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Write each query's exact distance to each block of vectors.

    products (N, M) float32: |v|^2 - 2 q.v, as rounded; slack (N,): how far two of a row may be from
    their order; queries (N, D), vectors (M, D) float32; ends (K,): where each block of vectors
    ends; nearest (K, N) float32: the result. Within a block every vector whose product is within
    the slack of the smallest is compared in float64.
    """
    for row in range(len(queries)):
        start = 0
        for block in range(len(ends)):
            end = ends[block]
            least = products[row, start]
            for column in range(start + 1, end):
                least = min(least, products[row, column])
            limit = least + slack[row]
            best = math.inf
            for column in range(start, end):
                if products[row, column] <= limit:
                    squared = 0.0
                    for axis in range(queries.shape[1]):
                        difference = np.float64(queries[row, axis]) - vectors[column, axis]
                        squared += difference * difference
                    best = min(best, squared)
            nearest[block, row] = math.sqrt(best)
            start = end
