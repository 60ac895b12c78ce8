"""Compiled loops of the exact search on the CPU; `cpu_search` explains the steps.

numba's disk cache of a function is only invalidated by changes to the function's own file. Compiled
functions that call each other therefore have to stay together in this file.
"""

from __future__ import annotations

import math

import numba
import numpy as np

_MAX_REFINED = 100
"""The reduced space is no longer used if more than 1 in this many pairs must be refined."""
_ROUND_DOWN = 1 - 2.0**-22
"""Multiplying by this lowers a number by more than rounding to float32 can raise it."""
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
    limits: np.ndarray,
    vectors: np.ndarray,
    squares: np.ndarray,
    ends: np.ndarray,
    factors: np.ndarray,
    error: float,
    basis: np.ndarray,
    full_error: float,
    distances: np.ndarray,
    nearest: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Search the queries from `start` to `end`, `chunk` queries at a time.

    A share stops using a reduced space once its bounds exclude too few vectors.

    Args:
        start, end, chunk: see above.
        halves: (N, D) uint16, the bits of float16 queries; empty if the queries are float32.
        singles: (N, D) float32 queries; empty if the queries are float16.
        query_rows: (N',) rows of the queries.
        limits: (N',) float32.
        vectors: (M, D) float32, the vectors of all K blocks.
        squares: (M,) float32, |v|^2.
        ends: (K,) end of each block.
        factors, error, basis: of the space that products are computed in, see `ProductSpace`.
        full_error: `error` of products of the vectors themselves.
        distances, nearest: (K, N') output, see `refine_candidates`.
    """
    count, dim = vectors.shape
    query_room = np.empty((chunk, dim), np.float32)
    product_room = np.empty(count * chunk, np.float32)
    images = np.empty((chunk, basis.shape[1] + 1), np.float32)
    reduced = basis.shape[1] > 0
    while start < end:
        stop = min(start + chunk, end)
        size = stop - start
        queries = query_room[:size]
        products = product_room[: count * size].reshape(count, size)
        if len(singles):
            for place in range(size):
                for axis in range(dim):
                    queries[place, axis] = singles[query_rows[start + place], axis]
        else:
            _widen(halves, query_rows[start:stop], queries)
        if reduced:
            reduce_vectors(queries, basis, error, images[:size])
            np.dot(factors, images[:size].T, products)
        else:
            np.dot(vectors, queries.T, products)
        refined = refine_candidates(
            products, squares, error if reduced else full_error, not reduced, queries,
            limits[start:stop], vectors, ends, distances[:, start:stop], nearest[:, start:stop],
        )  # fmt: skip
        if refined * _MAX_REFINED > size * count:
            reduced = False
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
def reduce_vectors(
    vectors: np.ndarray, basis: np.ndarray, error: float, images: np.ndarray
) -> None:  # pragma: no cover (compiled)
    """Write the images (n, D') of vectors (n, D) in the reduced space.

    An image is the vector's product with the basis, and the length of the residual. The residual is
    rounded up: half of `error`, times the vector's squared length, is the largest rounding error.
    """
    projected = np.dot(vectors, basis)
    for row in range(len(vectors)):
        square = 0.0
        for axis in range(vectors.shape[1]):
            square += np.float64(vectors[row, axis]) ** 2
        residual = square
        for axis in range(projected.shape[1]):
            images[row, axis] = projected[row, axis]
            residual -= np.float64(projected[row, axis]) ** 2
        images[row, projected.shape[1]] = math.sqrt(max(residual, 0.0) + error / 2 * square)


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nnan", "nsz"})
def refine_candidates(
    products: np.ndarray,
    squares: np.ndarray,
    error: float,
    two_sided: bool,
    queries: np.ndarray,
    limits: np.ndarray,
    vectors: np.ndarray,
    ends: np.ndarray,
    distances: np.ndarray,
    nearest: np.ndarray,
) -> int:  # pragma: no cover (compiled)
    """Compute the exact distance of each query to each block, where it is below the limit.

    A vector is a candidate if |v|^2 - 2 q.v, with its rounding error, can still be the smallest.
    First the best candidate of a query is compared in float64; its distance usually excludes all
    others. The second loop over the vectors only visits the queries where it does not.

    Args:
        products: (M, N) float32, q.v; with rounding errors, or as upper bounds.
        squares: (M,) float32, |v|^2.
        error: bound of the error of |v|^2 - 2 q.v, relative to (|q| + |v|)^2.
        two_sided: whether products have errors in both directions; False: they are upper bounds.
        queries: (N, D) float32.
        limits: (N,) float32.
        vectors: (M, D) float32.
        ends: (K,) end of each block in `vectors`.
        distances: (K, N) float32 output: the exact distance if it is below the limit; otherwise a
            lower bound of it that is not below the limit.
        nearest: (K, N) output: index of the nearest vector in its block; -1 for a lower bound.

    Returns:
        The number of pairs that were compared in float64.
    """
    count = len(queries)
    longest = 0.0
    for column in range(len(squares)):
        longest = max(longest, np.float64(squares[column]))
    longest = math.sqrt(longest)
    query_squares, slack = np.empty(count), np.empty(count)
    thresholds = np.empty(count, np.float32)
    for row in range(count):
        square = 0.0
        for axis in range(queries.shape[1]):
            square += np.float64(queries[row, axis]) ** 2
        query_squares[row] = square
        slack[row] = error * (math.sqrt(square) + longest) ** 2
    least, second = np.empty(count, np.float32), np.empty(count, np.float32)
    where, best = np.empty(count, np.int32), np.empty(count)
    ambiguous = np.empty(count, np.int32)
    two, infinite = np.float32(2), np.float32(math.inf)
    compared = 0
    start = 0
    for block in range(len(ends)):
        for row in range(count):
            least[row] = second[row] = infinite
            where[row] = start
        # The inner loop runs over the queries, so that it is vectorized.
        for column in range(start, ends[block]):
            line, square32, this = products[column], squares[column], np.int32(column)
            for row in range(count):
                value, lowest = square32 - two * line[row], least[row]
                second[row] = min(second[row], max(value, lowest))
                where[row] = this if value < lowest else where[row]
                least[row] = min(lowest, value)
        many = 0
        for row in range(count):
            limit = np.float64(limits[row])
            threshold = limit * limit - query_squares[row] + slack[row]
            if two_sided:
                threshold = min(threshold, least[row] + slack[row])
            best[row] = math.inf
            if least[row] <= threshold:
                compared += 1
                best[row] = _squared_distance(queries[row], vectors[where[row]])
                threshold = min(threshold, best[row] - query_squares[row] + slack[row])
                if second[row] <= threshold:
                    ambiguous[many] = row
                    many += 1
            thresholds[row] = threshold
        if many:
            for column in range(start, ends[block]):
                line, square32 = products[column], squares[column]
                for place in range(many):
                    row = ambiguous[place]
                    if square32 - two * line[row] <= thresholds[row] and column != where[row]:
                        compared += 1
                        exact = _squared_distance(queries[row], vectors[column])
                        if exact < best[row]:
                            best[row] = exact
                            where[row] = column
                            thresholds[row] = min(
                                thresholds[row], exact - query_squares[row] + slack[row]
                            )
        for row in range(count):
            distance = np.float32(math.sqrt(best[row]))
            if distance < limits[row]:
                distances[block, row] = distance
                nearest[block, row] = where[row] - start
            else:
                distances[block, row] = limits[row]
                nearest[block, row] = -1
                square = least[row] - slack[row] + query_squares[row]
                if square > np.float64(limits[row]) ** 2:
                    bound = np.float32(math.sqrt(square) * _ROUND_DOWN)
                    distances[block, row] = max(limits[row], bound)
        start = ends[block]
    return compared


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nnan", "nsz"})
def _squared_distance(one: np.ndarray, other: np.ndarray) -> float:  # pragma: no cover (compiled)
    """Return the squared distance of two vectors in float64."""
    total = 0.0
    for axis in range(len(one)):
        gap = np.float64(one[axis]) - np.float64(other[axis])
        total += gap * gap
    return total
