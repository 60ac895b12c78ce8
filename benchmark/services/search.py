"""Exact nearest-vector search, with torch on any device and with FAISS on the CPU.

Both find candidates with fast float32 matrix products, keep every candidate within the products'
worst rounding error of the best, and settle between these in float64. The answer is therefore the
correctly rounded distance: it depends neither on how a memory is cut into blocks, nor on batch
sizes, nor on the library or device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from results.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.services.neighbours import Search

_PRODUCTS_AT_ONCE = {"cpu": 1 << 20, "cuda": 1 << 26}
"""Values in a temporary float32 array: on the CPU 4 MB, which stay in its cache."""
_SETTLED_AT_ONCE = {"cpu": 1 << 17, "cuda": 1 << 24}
"""Values in a temporary float64 array: on the CPU 1 MB."""
_FAISS_CANDIDATES = 4


def torch_search(queries: Tensor, vectors: Tensor) -> Tensor:
    """Distance of each query to its nearest vector: (N, D), (M, D) float32 -> (N,) float32."""
    squares = vectors.square().sum(1)
    transposed = vectors.T.contiguous()
    largest = squares.max()
    step = max(256, _PRODUCTS_AT_ONCE[queries.device.type] // len(vectors))
    distances = torch.empty(len(queries), device=queries.device)
    for start in range(0, len(queries), step):
        piece = queries[start : start + step]
        # |q - v|^2 - |q|^2 for every pair; |q|^2 is the same along a row.
        partial = torch.addmm(squares, piece, transposed, alpha=-2)
        limit = partial.amin(1) + _rounding_error(piece, largest)
        rows, columns = (partial <= limit[:, None]).nonzero(as_tuple=True)
        distances[start : start + step] = _settle(piece, vectors, rows, columns)
    return distances


def faiss_search(queries: Tensor, vectors: Tensor) -> Tensor:
    """The same with FAISS's flat search on the CPU; torch takes other devices and near ties."""
    if queries.device.type != "cpu":
        return torch_search(queries, vectors)
    import faiss

    count = min(_FAISS_CANDIDATES, len(vectors))
    squared, nearest = map(torch.from_numpy, faiss.knn(queries.numpy(), vectors.numpy(), count))
    limit = squared[:, 0] + _rounding_error(queries, vectors.square().sum(1).max())
    near = squared <= limit[:, None]
    rows, ranks = near.nonzero(as_tuple=True)
    distances = _settle(queries, vectors, rows, nearest[rows, ranks])
    if count < len(vectors) and (undecided := near[:, -1]).any():
        distances[undecided] = torch_search(queries[undecided], vectors)
    return distances


def exact_search(library: str = "torch") -> Search:
    """The search named `torch` (any device) or `faiss` (CPU)."""
    searches: dict[str, Search] = {"torch": torch_search, "faiss": faiss_search}
    if library not in searches:
        raise UsageError(f"no neighbour search {library!r}; known: {', '.join(searches)}")
    return searches[library]


def _rounding_error(queries: Tensor, largest_square: Tensor) -> Tensor:
    """(N,) bound on the difference between two rounded values of |v|^2 - 2 q.v in one row.

    A dot product of D terms errs by at most about D eps |q| |v| in any order of summation.
    """
    eps = torch.finfo(queries.dtype).eps / 2
    norms = queries.square().sum(1).sqrt()
    terms = queries.shape[1] + 4
    return 2 * terms * eps * (norms + largest_square.sqrt()).square()


def _settle(queries: Tensor, vectors: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """(N,) float32: for each query the smallest exact distance among its candidates."""
    best = torch.full((len(queries),), torch.inf, dtype=torch.float64, device=queries.device)
    step = _SETTLED_AT_ONCE[queries.device.type] // queries.shape[1] + 1
    for row, column in zip(rows.split(step), columns.split(step), strict=True):
        difference = queries[row].double() - vectors[column].double()
        best.scatter_reduce_(0, row, torch.linalg.vecdot(difference, difference), "amin")
    return best.sqrt().float()
