"""The exact search on the CPU: compiled, in lanes that need nothing of the interpreter.

A lane takes its queries through two steps, a piece at a time: products with all vectors, from which
every distance is known up to rounding, or in a reduced space, where they bound it from below; then
the few vectors that may be the nearest are compared in float64.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numba
import numpy as np
from threadpoolctl import ThreadpoolController

from ...system.threads import run_parallel, thread_count

_AT_ONCE = 1 << 18
"""Values in a lane's arrays: 1 MB, which stay in a core's cache."""
_FEWEST_AT_ONCE = 128
"""Queries in a piece, however many vectors there are."""
_LANE_WORTH = 1 << 24
"""Multiplications below which a further lane gains nothing."""
_REDUCED = 23
"""Directions of the reduced space; what they leave of a vector is one more coordinate."""
_REDUCED_WORTH = 240, 60, 2048
"""Vectors, dimensions and queries from which on a reduced space is used."""
_SETTLED_WORTH = 100
"""Its bounds are dropped where they leave more than one vector in this many to be settled."""
_EPS = float(np.finfo(np.float32).eps) / 2
_DOWN = 1 - 2.0**-22
"""What makes a number smaller by more than rounding to float32 can make it larger."""
_SCALE = np.float32(2.0**112)
"""What float16's bits are short of as float32's, whose exponents begin at 127 instead of 15."""


@dataclass(frozen=True)
class _Space:
    """What vectors (M, D) are multiplied as: themselves, or their images in a reduced space.

    factors (M, D'); error: how far |v|^2 - 2 q.v may be off, over (|q| + |v|)^2; basis (D, D' - 1),
    or (D, 0) where the vectors are themselves.
    """

    factors: np.ndarray
    error: float
    basis: np.ndarray


def search_on_cpu(
    queries: np.ndarray,
    blocks: Sequence[np.ndarray],
    bounds: np.ndarray | None,
    chosen: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """`search.torch_search` for arrays; queries float16 or float32."""
    chosen = np.arange(len(queries)) if chosen is None else chosen
    count = len(chosen)
    vectors = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    ends = np.cumsum([len(block) for block in blocks])
    distances = np.empty((len(blocks), count), np.float32)
    nearest = np.empty((len(blocks), count), np.int64)
    space = whole = _whole(vectors)
    # Threads of the library itself would go on waiting for work on the cores of the lanes.
    with _blas().limit(limits=1, user_api="blas"):
        if bounds is None:
            bounds = np.full(count, np.inf, np.float32)
        elif _reduction_pays(vectors, bounds):
            space = _reduced(vectors)
        count_of_lanes = max(1, min(thread_count(), count * vectors.size // _LANE_WORTH))
        edges = np.linspace(0, count, count_of_lanes + 1).astype(np.int64)
        left = np.stack([edges[:-1], edges[1:]], axis=1)
        halves = queries.dtype == np.float16
        run_parallel(
            [
                partial(
                    _lane,
                    left, own,
                    queries.view(np.uint16) if halves else _NO_HALVES,
                    _NO_SINGLES if halves else queries,
                    chosen, bounds, vectors, ends,
                    space.factors, space.error, space.basis, whole.error,
                    distances, nearest,
                )
                for own in range(len(left))
            ]
        )  # fmt: skip
    return distances, nearest


_NO_HALVES = np.empty((0, 0), np.uint16)
_NO_SINGLES = np.empty((0, 0), np.float32)


def _whole(vectors: np.ndarray) -> _Space:
    # A dot product of D terms errs by at most about D eps |q| |v| in any order of summation.
    error = 2 * (vectors.shape[1] + 4) * _EPS
    return _Space(vectors, error, np.empty((vectors.shape[1], 0), np.float32))


def _reduction_pays(vectors: np.ndarray, bounds: np.ndarray) -> bool:
    sizes = (*vectors.shape, len(bounds))
    large = all(size >= least for size, least in zip(sizes, _REDUCED_WORTH, strict=True))
    return large and bool(np.isfinite(bounds).all())


def _reduced(vectors: np.ndarray) -> _Space:
    """A space whose products bound those of the vectors from above.

    With a projection P onto some directions, q.v <= Pq.Pv + |q - Pq| |v - Pv|. The directions are
    those in which the vectors are longest; any others give right bounds too, only wider ones.
    """
    count, dim = vectors.shape
    basis = np.random.Generator(np.random.PCG64(0)).normal(size=(dim, _REDUCED)).astype(np.float32)
    for _ in range(3):
        basis = np.linalg.qr(vectors.T @ (vectors @ basis))[0]
    basis = np.ascontiguousarray(basis * np.float32(1 - 1e-5))  # no direction longer than one
    error = 2 * (2 * math.sqrt(_REDUCED) * dim + _REDUCED + 8) * _EPS
    images = np.empty((count, _REDUCED + 1), np.float32)
    _reduce(vectors, basis, error, images)
    return _Space(images, error, basis)


@numba.njit(cache=True, nogil=True)
def _lane(
    left: np.ndarray,
    own: int,
    halves: np.ndarray,
    singles: np.ndarray,
    chosen: np.ndarray,
    bounds: np.ndarray,
    vectors: np.ndarray,
    ends: np.ndarray,
    factors: np.ndarray,
    error: float,
    basis: np.ndarray,
    whole_error: float,
    distances: np.ndarray,
    nearest: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Search rows `chosen` of `singles`, or where that is empty, of `halves` (float16's bits).

    left (L, 2): first and end of the queries that nobody has taken of each lane's share. A lane
    takes its own from the front, then of others from their ends. Two may take the same, and find
    the same.
    """
    count, dim = vectors.shape
    squares = np.empty(count, np.float32)
    for row in range(count):
        square = 0.0
        for axis in range(dim):
            square += np.float64(vectors[row, axis]) ** 2
        squares[row] = square
    step = max(_FEWEST_AT_ONCE, _AT_ONCE // max(count, dim))
    step = min(step, len(chosen))
    rows, room = np.empty((step, dim), np.float32), np.empty(count * step, np.float32)
    images = np.empty((step, basis.shape[1] + 1), np.float32)
    reduced = basis.shape[1] > 0
    while True:
        start, stop = _take(left, own, step)
        if start == stop:
            break
        size = stop - start
        queries, products = rows[:size], room[: count * size].reshape(count, size)
        if len(singles):
            for place in range(size):
                for axis in range(dim):
                    queries[place, axis] = singles[chosen[start + place], axis]
        else:
            _widen(halves, chosen[start:stop], queries)
        if reduced:
            _reduce(queries, basis, error, images[:size])
            np.dot(factors, images[:size].T, products)
        else:
            np.dot(vectors, queries.T, products)
        compared = settle(
            products, squares, error if reduced else whole_error, not reduced, queries,
            bounds[start:stop], vectors, ends, distances[:, start:stop], nearest[:, start:stop],
        )  # fmt: skip
        if compared * _SETTLED_WORTH > size * count:
            reduced = False


@numba.njit(cache=True, nogil=True)
def _take(left: np.ndarray, own: int, step: int) -> tuple[int, int]:  # pragma: no cover (compiled)
    """Up to `step` queries to be searched next, first and end; two alike when none is left."""
    start, end = left[own, 0], left[own, 1]
    if start < end:
        stop = min(start + step, end)
        left[own, 0] = stop
        return start, stop
    for other in range(len(left)):
        start, end = left[other, 0], left[other, 1]
        if start < end:
            start = max(start, end - step)
            left[other, 1] = start
            return start, end
    return 0, 0


@numba.njit(cache=True, nogil=True)
def _widen(
    halves: np.ndarray, rows: np.ndarray, taken: np.ndarray
) -> None:  # pragma: no cover (compiled)
    """Write rows (n,) of float16's bits (N, D), of finite values, to (n, D) float32."""
    bits = taken.view(np.uint32)
    for place in range(len(rows)):
        row = rows[place]
        for axis in range(halves.shape[1]):
            half = np.uint32(halves[row, axis])
            sign = (half & np.uint32(0x8000)) << np.uint32(16)
            bits[place, axis] = sign | ((half & np.uint32(0x7FFF)) << np.uint32(13))
        for axis in range(halves.shape[1]):
            taken[place, axis] *= _SCALE


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nnan", "nsz"})
def _reduce(
    vectors: np.ndarray, basis: np.ndarray, error: float, images: np.ndarray
) -> None:  # pragma: no cover (compiled)
    """Write to `images` (n, D') the products with the basis and how long what they leave out is.

    No shorter than it is: half of `error`, times the square of a vector's length, is what rounding
    may take.
    """
    kept = np.dot(vectors, basis)
    for row in range(len(vectors)):
        square = 0.0
        for axis in range(vectors.shape[1]):
            square += np.float64(vectors[row, axis]) ** 2
        rest = square
        for axis in range(kept.shape[1]):
            images[row, axis] = kept[row, axis]
            rest -= np.float64(kept[row, axis]) ** 2
        images[row, kept.shape[1]] = math.sqrt(max(rest, 0.0) + error / 2 * square)


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nnan", "nsz"})
def settle(
    products: np.ndarray,
    squares: np.ndarray,
    error: float,
    both_ways: bool,
    queries: np.ndarray,
    bounds: np.ndarray,
    vectors: np.ndarray,
    ends: np.ndarray,
    distances: np.ndarray,
    nearest: np.ndarray,
) -> int:  # pragma: no cover (compiled)
    """Write each query's exact distance to each block of vectors, where it is below the bound, and
    else what it is known not to be below.

    products (M, N) float32: q.v as rounded, or (not `both_ways`) what it cannot exceed; squares
    (M,) float32: |v|^2; error: how far |v|^2 - 2 q.v may be off, over (|q| + |v|)^2; queries
    (N, D), bounds (N,), vectors (M, D) float32; ends (K,): where each block ends; distances
    (K, N) float32 and nearest (K, N): the result. Returns how many vectors were compared.
    """
    count = len(queries)
    longest = 0.0
    for column in range(len(squares)):
        longest = max(longest, np.float64(squares[column]))
    longest = math.sqrt(longest)
    length, slack, limits = np.empty(count), np.empty(count), np.empty(count, np.float32)
    for row in range(count):
        square = 0.0
        for axis in range(queries.shape[1]):
            square += np.float64(queries[row, axis]) ** 2
        length[row] = square
        slack[row] = error * (math.sqrt(square) + longest) ** 2
    least, second = np.empty(count, np.float32), np.empty(count, np.float32)
    where, best = np.empty(count, np.int32), np.empty(count)
    crowded = np.empty(count, np.int32)
    two, infinite = np.float32(2), np.float32(math.inf)
    compared = 0
    start = 0
    for block in range(len(ends)):
        for row in range(count):
            least[row] = second[row] = infinite
            where[row] = start
        # Over the queries, so that vector instructions compare many at a time.
        for column in range(start, ends[block]):
            line, square32, this = products[column], squares[column], np.int32(column)
            for row in range(count):
                value, lowest = square32 - two * line[row], least[row]
                second[row] = min(second[row], max(value, lowest))
                where[row] = this if value < lowest else where[row]
                least[row] = min(lowest, value)
        many = 0
        for row in range(count):
            bound = np.float64(bounds[row])
            limit = bound * bound - length[row] + slack[row]
            if both_ways:
                limit = min(limit, least[row] + slack[row])
            best[row] = math.inf
            if least[row] <= limit:
                compared += 1
                best[row] = _squared_distance(queries[row], vectors[where[row]])
                limit = min(limit, best[row] - length[row] + slack[row])
                if second[row] <= limit:
                    crowded[many] = row
                    many += 1
            limits[row] = limit
        if many:
            for column in range(start, ends[block]):
                line, square32 = products[column], squares[column]
                for place in range(many):
                    row = crowded[place]
                    if square32 - two * line[row] <= limits[row] and column != where[row]:
                        compared += 1
                        exact = _squared_distance(queries[row], vectors[column])
                        if exact < best[row]:
                            best[row] = exact
                            where[row] = column
                            limits[row] = min(limits[row], exact - length[row] + slack[row])
        for row in range(count):
            distance = np.float32(math.sqrt(best[row]))
            if distance < bounds[row]:
                distances[block, row] = distance
                nearest[block, row] = where[row] - start
            else:
                distances[block, row] = bounds[row]
                nearest[block, row] = -1
                square = least[row] - slack[row] + length[row]
                if square > np.float64(bounds[row]) ** 2:
                    distances[block, row] = max(bounds[row], np.float32(math.sqrt(square) * _DOWN))
        start = ends[block]
    return compared


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nnan", "nsz"})
def _squared_distance(one: np.ndarray, other: np.ndarray) -> float:  # pragma: no cover (compiled)
    """In float64."""
    total = 0.0
    for axis in range(len(one)):
        gap = np.float64(one[axis]) - np.float64(other[axis])
        total += gap * gap
    return total


@functools.cache
def _blas() -> ThreadpoolController:
    import scipy.linalg.cython_blas  # noqa: F401 (what compiled code multiplies with)

    return ThreadpoolController()
