"""Exact nearest-vector search, on the CPU with NumPy's products or FAISS, elsewhere with torch.

All find candidates with fast float32 matrix products, keep every candidate within the products'
worst rounding error of the best, and settle between these in float64. The answer is therefore the
correctly rounded distance: it depends neither on how a memory is cut into blocks, nor on batch
sizes, nor on the library or device.

A search may be bounded: a distance that is not below a query's bound is not looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from results.errors import UsageError

if TYPE_CHECKING:
    from benchmark.services.neighbours import Search

_PRODUCTS_AT_ONCE = 1 << 26
"""Values in a temporary float32 array on the device."""
_SETTLED_AT_ONCE = {"cpu": 1 << 17, "cuda": 1 << 24}
"""Values in a temporary float64 array: on the CPU 1 MB."""
_FAISS_CANDIDATES = 4


def torch_search(
    queries: Tensor,
    blocks: Sequence[Tensor],
    bounds: Tensor | None = None,
    chosen: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Distance of each query to its nearest vector in each block, and which one it is.

    queries (N, D) float32 or float16, or their rows `chosen` (N',) int64; blocks of
    (M_k, D) float32; bounds (N',) float32 -> distances (K, N') float32, rows of the blocks (K, N')
    int64 (of several at that distance, any). Where a distance is not below its bound, the two are
    something else that it is not below, the bound at least, and -1.
    """
    if queries.device.type != "cpu":
        rows = _rows(queries, chosen)
        return _torch_search(rows, blocks, _bounds(bounds, rows))
    from benchmark.services.settling import search_on_cpu

    found = search_on_cpu(
        queries.numpy(),
        [block.numpy() for block in blocks],
        None if bounds is None else bounds.numpy(),
        None if chosen is None else chosen.numpy(),
    )
    return torch.from_numpy(found[0]), torch.from_numpy(found[1])


def faiss_search(
    queries: Tensor,
    blocks: Sequence[Tensor],
    bounds: Tensor | None = None,
    chosen: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The same with FAISS's flat search on the CPU; the other takes other devices, near ties."""
    if queries.device.type != "cpu":
        return torch_search(queries, blocks, bounds, chosen)
    rows = _rows(queries, chosen)
    bounds = _bounds(bounds, rows)
    found = [_faiss_block(rows, vectors, bounds) for vectors in blocks]
    return torch.stack([d for d, _ in found]), torch.stack([rows for _, rows in found])


def exact_search(library: str = "torch") -> Search:
    """The search named `torch` (any device) or `faiss` (CPU)."""
    searches: dict[str, Search] = {"torch": torch_search, "faiss": faiss_search}
    if library not in searches:
        raise UsageError(f"no neighbour search {library!r}; known: {', '.join(searches)}")
    return searches[library]


def _rows(queries: Tensor, chosen: Tensor | None) -> Tensor:
    return (queries if chosen is None else queries[chosen]).float()


def _bounds(bounds: Tensor | None, queries: Tensor) -> Tensor:
    if bounds is not None:
        return bounds
    return torch.full((len(queries),), torch.inf, device=queries.device)


def _rounding_error(queries: Tensor, largest_square: Tensor) -> Tensor:
    """(N,) bound on the difference between two rounded values of |v|^2 - 2 q.v in one row.

    A dot product of D terms errs by at most about D eps |q| |v| in any order of summation.
    """
    eps = torch.finfo(queries.dtype).eps / 2
    norms = queries.square().sum(1).sqrt()
    terms = queries.shape[1] + 4
    return 2 * terms * eps * (norms + largest_square.sqrt()).square()


def _torch_search(
    queries: Tensor, blocks: Sequence[Tensor], bounds: Tensor
) -> tuple[Tensor, Tensor]:
    """`torch_search` in torch alone, for devices other than the CPU."""
    vectors = torch.cat(list(blocks))
    squares = vectors.square().sum(1)
    transposed = vectors.T.contiguous()
    largest = squares.max()
    step = max(256, _PRODUCTS_AT_ONCE // len(vectors))
    distances = torch.empty((len(blocks), len(queries)), device=queries.device)
    rows = torch.empty((len(blocks), len(queries)), dtype=torch.int64, device=queries.device)
    for start in range(0, len(queries), step):
        here = slice(start, start + step)
        piece, bound = queries[here], bounds[here]
        # |q - v|^2 - |q|^2 for every pair; |q|^2 is the same along a row.
        products = torch.addmm(squares, piece, transposed, alpha=-2)
        slack = _rounding_error(piece, largest)
        bounded = (bound.double().square() - piece.double().square().sum(1)).float()
        parts = products.split([len(block) for block in blocks], dim=1)
        for index, (part, block) in enumerate(zip(parts, blocks, strict=True)):
            limit = torch.minimum(part.amin(1), bounded) + slack
            places, columns = (part <= limit[:, None]).nonzero(as_tuple=True)
            found = _smallest(piece, block, places, columns, bound)
            distances[index, here], rows[index, here] = found
    return distances, rows


def _faiss_block(queries: Tensor, vectors: Tensor, bounds: Tensor) -> tuple[Tensor, Tensor]:
    import faiss

    count = min(_FAISS_CANDIDATES, len(vectors))
    squared, nearest = map(torch.from_numpy, faiss.knn(queries.numpy(), vectors.numpy(), count))
    limit = squared[:, 0] + _rounding_error(queries, vectors.square().sum(1).max())
    near = squared <= limit[:, None]
    queried, ranks = near.nonzero(as_tuple=True)
    distances, rows = _smallest(queries, vectors, queried, nearest[queried, ranks], bounds)
    if count < len(vectors) and (undecided := near[:, -1]).any():
        again = torch_search(queries[undecided], [vectors], bounds[undecided])
        distances[undecided], rows[undecided] = again[0][0], again[1][0]
    return distances, rows


def _smallest(
    queries: Tensor, vectors: Tensor, rows: Tensor, columns: Tensor, bounds: Tensor
) -> tuple[Tensor, Tensor]:
    """For each query the smallest exact distance among its candidates, and one that has it."""
    best = torch.full((len(queries),), torch.inf, dtype=torch.float64, device=queries.device)
    where = torch.full((len(queries),), -1, dtype=torch.int64, device=queries.device)
    step = _SETTLED_AT_ONCE[queries.device.type] // queries.shape[1] + 1
    for row, column in zip(rows.split(step), columns.split(step), strict=True):
        difference = queries[row].double() - vectors[column].double()
        exact = torch.linalg.vecdot(difference, difference)
        best.scatter_reduce_(0, row, exact, "amin")
        chosen = exact == best[row]
        where[row[chosen]] = column[chosen]
    distances = best.sqrt().float()
    below = distances < bounds
    return torch.where(below, distances, bounds), torch.where(below, where, -1)
