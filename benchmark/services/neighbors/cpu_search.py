"""The exact search on the CPU, on several threads that do not hold the interpreter lock.

The queries are divided into shares, which threads take one after another. A share is searched in
chunks that fit into a core's cache. For each chunk, one matrix product gives q.v for all queries
and vectors, up to rounding; if a reduced space is used, upper bounds of q.v. Then the few vectors
that may be the nearest are compared in float64 (`cpu_loops.refine_candidates`).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from threadpoolctl import ThreadpoolController

from ...system.threads import run_parallel, thread_count
from .cpu_loops import reduce_vectors, search_share, squared_norms

_CHUNK_VALUES = 1 << 18
"""Values in the arrays of a chunk: 1 MB, which stay in a core's cache."""
_MIN_CHUNK = 128
"""Queries per chunk, even if there are many vectors."""
_SHARES_PER_THREAD = 4
"""Several, so that threads finish together even if other work slows one of them down."""
_MIN_SHARE_WORK = 1 << 24
"""Multiplications that make another share worthwhile."""
_REDUCED_DIM = 23
"""Number of projection directions. The length of the residual is one more coordinate."""
_REDUCED_MIN_SIZES = 240, 60, 2048
"""A reduced space is used from these numbers of vectors, dimensions and queries upward."""
_EPS = float(np.finfo(np.float32).eps) / 2


@dataclass(frozen=True)
class ProductSpace:
    """The space in which products of queries and vectors are computed.

    Attributes:
        factors: (M, D') the vectors themselves, or their images in a reduced space.
        error: bound of the error of |v|^2 - 2 q.v, relative to (|q| + |v|)^2.
        basis: (D, D' - 1) directions of the reduced space; (D, 0) if it is not reduced.
    """

    factors: np.ndarray
    error: float
    basis: np.ndarray


def search_on_cpu(
    queries: np.ndarray,
    blocks: Sequence[np.ndarray],
    limits: np.ndarray | None,
    query_rows: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Do what `search.torch_search` documents, for arrays in main memory."""
    query_rows = np.arange(len(queries)) if query_rows is None else query_rows
    count = len(query_rows)
    vectors = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    ends = np.cumsum([len(block) for block in blocks])
    distances = np.empty((len(blocks), count), np.float32)
    nearest = np.empty((len(blocks), count), np.int64)
    space = full = _full_space(vectors)
    # Threads of the BLAS library would keep waiting for work on the cores of our threads.
    with _blas().limit(limits=1, user_api="blas"):
        if limits is None:
            limits = np.full(count, np.inf, np.float32)
        elif _reduction_pays(vectors, limits):
            space = _reduced_space(vectors)
        squares = squared_norms(vectors)
        halves = queries.dtype == np.float16
        singles = _NO_SINGLES if halves else queries
        bits = queries.view(np.uint16) if halves else _NO_HALVES

        def search(start: int, end: int) -> None:
            search_share(
                start, end, _chunk_size(end - start, vectors), bits, singles, query_rows, limits,
                vectors, squares, ends, space.factors, space.error, space.basis, full.error,
                distances, nearest,
            )  # fmt: skip

        run_parallel([partial(search, *share) for share in _shares(count, vectors.size)])
    return distances, nearest


_NO_HALVES = np.empty((0, 0), np.uint16)
_NO_SINGLES = np.empty((0, 0), np.float32)


def _shares(count: int, size: int) -> list[tuple[int, int]]:
    """Divide the queries: (start, end) of each share.

    Args:
        count: number of queries.
        size: number of values of the vectors.
    """
    worthwhile = count * size // _MIN_SHARE_WORK
    shares = threads = max(1, min(thread_count(), worthwhile))
    if threads > 1:
        shares = max(threads, min(_SHARES_PER_THREAD * threads, worthwhile, count // _MIN_CHUNK))
    edges = np.linspace(0, count, shares + 1).astype(np.int64).tolist()
    return list(itertools.pairwise(edges))


def _chunk_size(queries: int, vectors: np.ndarray) -> int:
    """Queries per chunk of a share; chunks of a share have about the same size."""
    largest = max(_MIN_CHUNK, _CHUNK_VALUES // max(vectors.shape))
    chunks = max(1, -(-queries // largest))
    return -(-queries // chunks)


def _full_space(vectors: np.ndarray) -> ProductSpace:
    # A dot product of D terms has an error of about D eps |q| |v| in any order of summation.
    error = 2 * (vectors.shape[1] + 4) * _EPS
    return ProductSpace(vectors, error, np.empty((vectors.shape[1], 0), np.float32))


def _reduction_pays(vectors: np.ndarray, limits: np.ndarray) -> bool:
    sizes = (*vectors.shape, len(limits))
    large = all(size >= least for size, least in zip(sizes, _REDUCED_MIN_SIZES, strict=True))
    return large and bool(np.isfinite(limits).all())


def _reduced_space(vectors: np.ndarray) -> ProductSpace:
    """Return a space whose products are upper bounds of those of the vectors.

    With a projection P onto some directions, q.v <= Pq.Pv + |q - Pq| |v - Pv|. The directions are
    those in which the vectors are longest (subspace iteration). Any others would give correct
    bounds as well, only less tight ones.
    """
    count, dim = vectors.shape
    basis = np.random.Generator(np.random.PCG64(0)).normal(size=(dim, _REDUCED_DIM))
    basis = basis.astype(np.float32)
    for _ in range(3):
        basis = np.linalg.qr(vectors.T @ (vectors @ basis))[0]
    basis = np.ascontiguousarray(basis * np.float32(1 - 1e-5))  # no direction longer than one
    error = 2 * (2 * math.sqrt(_REDUCED_DIM) * dim + _REDUCED_DIM + 8) * _EPS
    images = np.empty((count, _REDUCED_DIM + 1), np.float32)
    reduce_vectors(vectors, basis, error, images)
    return ProductSpace(images, error, basis)


@functools.cache
def _blas() -> ThreadpoolController:
    import scipy.linalg.cython_blas  # noqa: F401 (loads the BLAS that compiled code calls)

    return ThreadpoolController()
