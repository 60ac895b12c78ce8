"""The exact search on the CPU, on several threads that do not hold the interpreter lock.

The queries are divided into shares, which threads take one after another. A share is searched in
chunks that fit into a core's cache. For each chunk, one matrix product gives q.v for all queries
and vectors, up to rounding. Then the few vectors that may be the nearest are compared in float64
(`cpu_loops.refine_candidates`).
"""

from __future__ import annotations

import functools
import itertools
from functools import partial

import numpy as np
from threadpoolctl import ThreadpoolController

from ...system.threads import run_parallel, thread_count
from .cpu_loops import search_share, squared_norms

_CHUNK_VALUES = 1 << 18
"""Values in the arrays of a chunk: 1 MB, which stay in a core's cache."""
_MIN_CHUNK = 128
"""Queries per chunk, even if there are many vectors."""
_SHARES_PER_THREAD = 4
"""Several, so that threads finish together even if other work slows one of them down."""
_MIN_SHARE_WORK = 1 << 24
"""Multiplications that make another share worthwhile."""
_NO_HALVES = np.empty((0, 0), np.uint16)
_NO_SINGLES = np.empty((0, 0), np.float32)


def search_on_cpu(
    queries: np.ndarray, vectors: np.ndarray, query_rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Do what `search.torch_search` documents, for arrays in main memory."""
    count, dim = len(query_rows), vectors.shape[1]
    distances, nearest = np.empty(count, np.float32), np.empty(count, np.int64)
    halves = queries.dtype == np.float16
    singles = _NO_SINGLES if halves else queries
    bits = queries.view(np.uint16) if halves else _NO_HALVES
    # A dot product of D terms has an error of about D eps |q| |v| in any order of summation.
    error = 2 * (dim + 4) * float(np.finfo(np.float32).eps) / 2
    squares = squared_norms(vectors)

    def search(start: int, end: int) -> None:
        largest = max(_MIN_CHUNK, _CHUNK_VALUES // max(vectors.shape))
        chunks = max(1, -(-(end - start) // largest))
        search_share(
            start, end, -(-(end - start) // chunks), bits, singles, query_rows, vectors, squares,
            error, distances, nearest,
        )  # fmt: skip

    worthwhile = count * vectors.size // _MIN_SHARE_WORK
    shares = threads = max(1, min(thread_count(), worthwhile))
    if threads > 1:
        shares = max(threads, min(_SHARES_PER_THREAD * threads, worthwhile, count // _MIN_CHUNK))
    edges = np.linspace(0, count, shares + 1).astype(np.int64).tolist()
    # Threads of the BLAS library would keep waiting for work on the cores of our threads.
    with _blas().limit(limits=1, user_api="blas"):
        run_parallel([partial(search, *share) for share in itertools.pairwise(edges)])
    return distances, nearest


@functools.cache
def _blas() -> ThreadpoolController:
    import scipy.linalg.cython_blas  # noqa: F401 (loads the BLAS that compiled code calls)

    return ThreadpoolController()
