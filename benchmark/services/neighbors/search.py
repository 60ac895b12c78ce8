"""Exact nearest-vector search: compiled loops or FAISS on the CPU, torch on other devices.

Every search finds candidates with fast float32 matrix products, keeps all candidates within the
largest possible rounding error of the best one, and compares these in float64. The result is
therefore the correctly rounded distance. It depends neither on how a memory is divided into blocks,
nor on batch sizes, the library or the device.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ....results.errors import UsageError
from ..precision import full_float32

if TYPE_CHECKING:
    from .union_search import Search

_PRODUCT_VALUES = 1 << 26
"""Values in a temporary float32 array on the device."""
_REFINED_VALUES = {"cpu": 1 << 17, "cuda": 1 << 24}
"""Values in a temporary float64 array, by device type; on the CPU 1 MB."""
_FAISS_CANDIDATES = 4
_ROUND_DOWN = 1 - 2.0**-22
"""Multiplying by this lowers a number by more than rounding to float32 can raise it."""


def torch_search(
    queries: Tensor,
    blocks: Sequence[Tensor],
    limits: Tensor | None = None,
    query_rows: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Find the distance of each query to its nearest vector in each block.

    Args:
        queries: (N, D) float32 or float16.
        blocks: K blocks (M_k, D) float32.
        limits: (N',) float32; distances that are not below the limit are not computed.
            None: no limits.
        query_rows: (N',) int64, the rows of `queries` to search; None: all, N' = N.

    Returns:
        Distances (K, N') float32, and the row of the nearest vector in each block (K, N') int64,
        any of them on ties. For a distance that is not below its limit, the result is a lower bound
        of it that is not below the limit either, and row -1.
    """
    if queries.device.type != "cpu":
        rows = _selected(queries, query_rows)
        with full_float32():
            return _search_on_device(rows, blocks, _limits_or_infinite(limits, rows))
    from .cpu_search import search_on_cpu

    distances, nearest = search_on_cpu(
        queries.numpy(),
        [block.numpy() for block in blocks],
        None if limits is None else limits.numpy(),
        None if query_rows is None else query_rows.numpy(),
    )
    return torch.from_numpy(distances), torch.from_numpy(nearest)


def faiss_search(
    queries: Tensor,
    blocks: Sequence[Tensor],
    limits: Tensor | None = None,
    query_rows: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Search as `torch_search` does, on the CPU with FAISS's flat index.

    `torch_search` is used for other devices, and for queries with more near ties than FAISS returns
    candidates.
    """
    if queries.device.type != "cpu":
        return torch_search(queries, blocks, limits, query_rows)
    rows = _selected(queries, query_rows)
    limits = _limits_or_infinite(limits, rows)
    results = [_search_block_with_faiss(rows, vectors, limits) for vectors in blocks]
    return torch.stack([d for d, _ in results]), torch.stack([nearest for _, nearest in results])


def exact_search(library: str = "torch") -> Search:
    """Return the search of a library: `torch` (any device) or `faiss` (CPU).

    Raises:
        UsageError: there is no such search.
    """
    searches: dict[str, Search] = {"torch": torch_search, "faiss": faiss_search}
    if library not in searches:
        raise UsageError(f"no neighbor search {library!r}; choose one of: {', '.join(searches)}")
    return searches[library]


def _selected(queries: Tensor, query_rows: Tensor | None) -> Tensor:
    return (queries if query_rows is None else queries[query_rows]).float()


def _limits_or_infinite(limits: Tensor | None, queries: Tensor) -> Tensor:
    if limits is not None:
        return limits
    return torch.full((len(queries),), torch.inf, device=queries.device)


def rounding_error(squares: Tensor, largest_square: Tensor, dim: int) -> Tensor:
    """Bound (N,) of the difference between two rounded values of |v|^2 - 2 q.v of one query.

    A dot product of D terms has an error of about D eps |q| |v| in any order of summation.

    Args:
        squares: (N,) float64, |q|^2.
        largest_square: the largest |v|^2.
        dim: D.
    """
    eps = torch.finfo(torch.float32).eps / 2
    return 2 * (dim + 4) * eps * (squares.sqrt() + largest_square.sqrt()).square()


def squared_lengths(rows: Tensor) -> Tensor:
    """Return |q|^2 (N,) in float64."""
    return rows.double().square().sum(1)


@functools.lru_cache(maxsize=1024)
def _block_layout(sizes: tuple[int, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """For concatenated blocks: the block of each vector, and the start of each block."""
    counts = torch.tensor(sizes)
    block_of = torch.arange(len(sizes)).repeat_interleave(counts)
    return block_of.to(device), (counts.cumsum(0) - counts).to(device)


def _search_on_device(
    queries: Tensor, blocks: Sequence[Tensor], limits: Tensor
) -> tuple[Tensor, Tensor]:
    """Search with torch operations only, for devices other than the CPU.

    Each operation processes all blocks together: on CUDA, starting one takes longer than its work.
    """
    vectors = blocks[0] if len(blocks) == 1 else torch.cat(list(blocks))
    squares = vectors.square().sum(1)
    largest = squares.max().double()
    sizes = tuple(len(block) for block in blocks)
    block_of, starts = _block_layout(sizes, queries.device)
    step = max(256, _PRODUCT_VALUES // len(vectors))
    distances = torch.empty((len(blocks), len(queries)), device=queries.device)
    nearest = torch.empty((len(blocks), len(queries)), dtype=torch.int64, device=queries.device)
    for start in range(0, len(queries), step):
        here = slice(start, start + step)
        chunk, limit = queries[here], limits[here, None]
        # |q - v|^2 - |q|^2 for every pair; |q|^2 is the same for all vectors.
        products = torch.addmm(squares, chunk, vectors.T, alpha=-2)
        query_squares = squared_lengths(chunk)
        slack = rounding_error(query_squares, largest, chunk.shape[1])[:, None]
        query_squares = query_squares[:, None]
        least = torch.stack([part.amin(1) for part in products.split(sizes, dim=1)], 1).double()
        threshold = torch.minimum(least, limit.double().square() - query_squares) + slack
        threshold = threshold.float()
        is_candidate = products <= (threshold if len(blocks) == 1 else threshold[:, block_of])
        rows, columns = is_candidate.nonzero(as_tuple=True)
        best, where = _refine_candidates(
            chunk, vectors, rows, columns, block_of[columns], len(blocks)
        )
        # A distance that is not below the limit is at least what its product says.
        bound = (least - slack + query_squares).clamp_(min=0).sqrt_().float().mul_(_ROUND_DOWN)
        below = best < limit
        distances[:, here] = torch.where(below, best, bound.maximum(limit)).T
        nearest[:, here] = torch.where(below, where - starts, -1).T
    return distances, nearest


def _search_block_with_faiss(
    queries: Tensor, vectors: Tensor, limits: Tensor
) -> tuple[Tensor, Tensor]:
    import faiss

    count = min(_FAISS_CANDIDATES, len(vectors))
    squared, neighbors = map(torch.from_numpy, faiss.knn(queries.numpy(), vectors.numpy(), count))
    largest = vectors.square().sum(1).max().double()
    threshold = squared[:, 0] + rounding_error(squared_lengths(queries), largest, queries.shape[1])
    is_candidate = squared <= threshold[:, None]
    rows, ranks = is_candidate.nonzero(as_tuple=True)
    columns = neighbors[rows, ranks]
    best, where = _refine_candidates(queries, vectors, rows, columns, torch.zeros_like(columns), 1)
    below = best[:, 0] < limits
    distances = torch.where(below, best[:, 0], limits)
    nearest = torch.where(below, where[:, 0], -1)
    if count < len(vectors) and (undecided := is_candidate[:, -1]).any():
        again = torch_search(queries[undecided], [vectors], limits[undecided])
        distances[undecided], nearest[undecided] = again[0][0], again[1][0]
    return distances, nearest


def _refine_candidates(
    queries: Tensor, vectors: Tensor, rows: Tensor, columns: Tensor, block_of: Tensor, blocks: int
) -> tuple[Tensor, Tensor]:
    """Compare candidates in float64: the smallest distance per query and block.

    Args:
        queries: (N, D) float32.
        vectors: (M, D) float32.
        rows, columns, block_of: (n,) the query, the vector and the block of each candidate.
        blocks: number of blocks.

    Returns:
        Distances (N, blocks) float32, infinite without a candidate, and the column (N, blocks) of
        a vector at that distance.
    """
    count = len(queries) * blocks
    place_of = rows * blocks + block_of if blocks > 1 else rows
    step = _REFINED_VALUES[queries.device.type] // queries.shape[1] + 1
    parts = []
    for row, column in zip(rows.split(step), columns.split(step), strict=True):
        difference = queries[row].double() - vectors[column].double()
        parts.append(torch.linalg.vecdot(difference, difference))
    exact = torch.cat(parts)
    best = torch.full((count,), torch.inf, dtype=torch.float64, device=queries.device)
    best.scatter_reduce_(0, place_of, exact, "amin")
    where = torch.full((count,), -1, dtype=torch.int64, device=queries.device)
    where.scatter_reduce_(0, place_of, torch.where(exact == best[place_of], columns, -1), "amax")
    return best.sqrt().float().view(-1, blocks), where.view(-1, blocks)
