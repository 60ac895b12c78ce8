"""Compiled loops of the exact search on the CPU; `cpu_search` explains the steps.

numba's disk cache of a function is only invalidated by changes to the function's own file. Compiled
functions that call each other therefore have to stay together in this file.
"""

from __future__ import annotations

import math

import numba
import numpy as np

_HALF_SCALE = np.float32(2.0**112)
"""Correction of the exponent bias (127 - 15) when float16 bits are interpreted as float32."""


@numba.njit(cache=True, nogil=True)
def squared_norms(vectors: np.ndarray) -> np.ndarray:  # pragma: no cover (compiled)
    """Return |v|^2 of vectors (M, D): (M,) float32, summed in float64."""
    squares = np.empty(len(vectors), np.float32)
    for row in range(len(vectors)):
        square = 0.0
        for axis in range(vectors.shape[1]):
            square += np.float64(vectors[row, axis]) ** 2
        squares[row] = square
    return squares


@numba.njit(cache=True, nogil=True)
def search_share(
    start: int,
    end: int,
    chunk: int,
    halves: np.ndarray,
    singles: np.ndarray,
    query_rows: np.ndarray,
    vectors: np.ndarray,
    squares: np.ndarray,
    error: float,
    distances: np.ndarray,
    nearest: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Search the queries from `start` to `end`, `chunk` queries at a time.

    Args:
        start, end, chunk: see above.
        halves: (N, D) uint16, the bits of float16 queries; empty if the queries are float32.
        singles: (N, D) float32 queries; empty if the queries are float16.
        query_rows: (N',) rows of the queries.
        vectors, squares, error, distances, nearest: see `refine_candidates`.
    """
    query_room = np.empty((chunk, vectors.shape[1]), np.float32)
    product_room = np.empty(len(vectors) * chunk, np.float32)
    while start < end:
        stop = min(start + chunk, end)
        size = stop - start
        queries = query_room[:size]
        products = product_room[: len(vectors) * size].reshape(len(vectors), size)
        if len(singles):
            for place in range(size):
                for axis in range(vectors.shape[1]):
                    queries[place, axis] = singles[query_rows[start + place], axis]
        else:
            _widen(halves, query_rows[start:stop], queries)
        np.dot(vectors, queries.T, products)
        refine_candidates(
            products, squares, error, queries, vectors, distances[start:stop], nearest[start:stop]
        )
        start = stop


@numba.njit(cache=True, nogil=True)
def _widen(
    halves: np.ndarray, rows: np.ndarray, singles: np.ndarray
) -> None:  # pragma: no cover (compiled)
    """Convert rows (n,) of finite float16 values, given as bits (N, D), to float32 (n, D)."""
    bits = singles.view(np.uint32)
    for place in range(len(rows)):
        row = rows[place]
        for axis in range(halves.shape[1]):
            half = np.uint32(halves[row, axis])
            sign = (half & np.uint32(0x8000)) << np.uint32(16)
            bits[place, axis] = sign | ((half & np.uint32(0x7FFF)) << np.uint32(13))
        for axis in range(halves.shape[1]):
            singles[place, axis] *= _HALF_SCALE


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nnan", "nsz"})
def refine_candidates(
    products: np.ndarray,
    squares: np.ndarray,
    error: float,
    queries: np.ndarray,
    vectors: np.ndarray,
    distances: np.ndarray,
    nearest: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Compute the exact distance of each query to its nearest vector.

    A vector is a candidate if |v|^2 - 2 q.v, with its rounding error, can still be the smallest.
    First the best candidate of a query is compared in float64; its distance usually excludes all
    others. The second loop over the vectors only visits the queries where it does not.

    Args:
        products: (M, N) float32, q.v with rounding errors.
        squares: (M,) float32, |v|^2.
        error: bound of the error of |v|^2 - 2 q.v, relative to (|q| + |v|)^2.
        queries: (N, D) float32.
        vectors: (M, D) float32.
        distances: (N,) float32 output.
        nearest: (N,) output: row of the nearest vector.
    """
    count = len(queries)
    longest = math.sqrt(np.float64(squares.max()))
    least, second = np.full(count, np.float32(math.inf)), np.full(count, np.float32(math.inf))
    where, best = np.zeros(count, np.int32), np.full(count, math.inf)
    two = np.float32(2)
    # The inner loop runs over the queries, so that it is vectorized.
    for column in range(len(squares)):
        line, square32, this = products[column], squares[column], np.int32(column)
        for row in range(count):
            value, lowest = square32 - two * line[row], least[row]
            second[row] = min(second[row], max(value, lowest))
            where[row] = this if value < lowest else where[row]
            least[row] = min(lowest, value)
    query_squares, slack = np.empty(count), np.empty(count)
    thresholds = np.empty(count, np.float32)
    ambiguous = np.empty(count, np.int32)
    many = 0
    for row in range(count):
        square = 0.0
        for axis in range(queries.shape[1]):
            square += np.float64(queries[row, axis]) ** 2
        query_squares[row] = square
        slack[row] = error * (math.sqrt(square) + longest) ** 2
        best[row] = _squared_distance(queries[row], vectors[where[row]])
        thresholds[row] = min(np.float64(least[row]), best[row] - square) + slack[row]
        if second[row] <= thresholds[row]:
            ambiguous[many] = row
            many += 1
    if many:
        for column in range(len(squares)):
            line, square32 = products[column], squares[column]
            for place in range(many):
                row = ambiguous[place]
                if square32 - two * line[row] <= thresholds[row] and column != where[row]:
                    exact = _squared_distance(queries[row], vectors[column])
                    if exact < best[row]:
                        best[row] = exact
                        where[row] = column
                        thresholds[row] = min(
                            thresholds[row], exact - query_squares[row] + slack[row]
                        )
    for row in range(count):
        distances[row] = math.sqrt(best[row])
        nearest[row] = where[row]


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nnan", "nsz"})
def _squared_distance(one: np.ndarray, other: np.ndarray) -> float:  # pragma: no cover (compiled)
    """Return the squared distance of two vectors in float64."""
    total = 0.0
    for axis in range(len(one)):
        gap = np.float64(one[axis]) - np.float64(other[axis])
        total += gap * gap
    return total
