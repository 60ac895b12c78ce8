"""Exact nearest-vector search: compiled loops on the CPU, torch on other devices.

Both find candidates with fast float32 matrix products, keep all candidates within the
largest possible rounding error of the best one, and compare these in float64. The result is
therefore the correctly rounded distance. It depends neither on how a memory is divided into blocks,
nor on batch sizes or the device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from ..precision import full_float32

Search: TypeAlias = Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]
"""A search; `exact_search` documents arguments and result."""

_PRODUCT_VALUES = 1 << 26
"""Values in a temporary float32 array on the device."""
_REFINED_VALUES = {"cpu": 1 << 17, "cuda": 1 << 24}
"""Values in a temporary float64 array, by device type; on the CPU 1 MB."""


def exact_search(
    queries: Tensor, vectors: Tensor, query_rows: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Find the distance of each query to its nearest vector.

    Args:
        queries: (N, D) float32 or float16.
        vectors: (M, D) float32.
        query_rows: (N',) int64, the rows of `queries` to search; None: all, N' = N.

    Returns:
        Distances (N',) float32, and the row of the nearest vector (N',) int64, any of them on ties.
    """
    if query_rows is None:
        query_rows = torch.arange(len(queries), device=queries.device)
    if queries.device.type != "cpu":
        with full_float32():
            return _search_on_device(queries[query_rows].float(), vectors)
    from .cpu_search import search_on_cpu

    arrays = (each.numpy() for each in (queries, vectors, query_rows))
    distances, nearest = search_on_cpu(*arrays)
    return torch.from_numpy(distances), torch.from_numpy(nearest)


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


def _search_on_device(queries: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Search with torch operations only, for devices other than the CPU."""
    squares = vectors.square().sum(1)
    parts = []
    for chunk in queries.split(max(256, _PRODUCT_VALUES // len(vectors))):
        # |q - v|^2 - |q|^2 for every pair; |q|^2 is the same for all vectors.
        products = torch.addmm(squares, chunk, vectors.T, alpha=-2)
        slack = rounding_error(squared_lengths(chunk), squares.max().double(), chunk.shape[1])
        threshold = (products.amin(1).double() + slack).float()
        rows, columns = (products <= threshold[:, None]).nonzero(as_tuple=True)
        parts.append(_refine_candidates(chunk, vectors, rows, columns))
    distances, nearest = zip(*parts, strict=True)
    return torch.cat(distances), torch.cat(nearest)


def _refine_candidates(
    queries: Tensor, vectors: Tensor, rows: Tensor, columns: Tensor
) -> tuple[Tensor, Tensor]:
    """Compare candidates in float64: the smallest distance per query.

    Args:
        queries: (N, D) float32.
        vectors: (M, D) float32.
        rows, columns: (n,) the query and the vector of each candidate.

    Returns:
        Distances (N,) float32, and the row of a vector at that distance.
    """
    step = _REFINED_VALUES[queries.device.type] // queries.shape[1] + 1
    parts = []
    for row, column in zip(rows.split(step), columns.split(step), strict=True):
        difference = queries[row].double() - vectors[column].double()
        parts.append(torch.linalg.vecdot(difference, difference))
    exact = torch.cat(parts)
    best = exact.new_full((len(queries),), torch.inf)
    best.scatter_reduce_(0, rows, exact, "amin")
    where = rows.new_full((len(queries),), -1)
    where.scatter_reduce_(0, rows, torch.where(exact == best[rows], columns, -1), "amax")
    return best.sqrt().float(), where
