"""Exact nearest-vector search, on the CPU with NumPy's products or FAISS, elsewhere with torch.

All find candidates with fast float32 matrix products, keep every candidate within the products'
worst rounding error of the best, and settle between these in float64. The answer is therefore the
correctly rounded distance: it depends neither on how a memory is cut into blocks, nor on batch
sizes, nor on the library or device.

A search may be bounded: a distance that is not below a query's bound is not looked for.
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
    from .service import Search

_PRODUCTS_AT_ONCE = 1 << 26
"""Values in a temporary float32 array on the device."""
_SETTLED_AT_ONCE = {"cpu": 1 << 17, "cuda": 1 << 24}
"""Values in a temporary float64 array: on the CPU 1 MB."""
_FAISS_CANDIDATES = 4
_DOWN = 1 - 2.0**-22
"""What makes a number smaller by more than rounding to float32 can make it larger."""


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
        with full_float32():
            return _torch_search(rows, blocks, _bounds(bounds, rows))
    from .cpu_search import search_on_cpu

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
        raise UsageError(f"no neighbor search {library!r}; known: {', '.join(searches)}")
    return searches[library]


def _rows(queries: Tensor, chosen: Tensor | None) -> Tensor:
    return (queries if chosen is None else queries[chosen]).float()


def _bounds(bounds: Tensor | None, queries: Tensor) -> Tensor:
    if bounds is not None:
        return bounds
    return torch.full((len(queries),), torch.inf, device=queries.device)


def _rounding_error(squares: Tensor, largest_square: Tensor, dim: int) -> Tensor:
    """(N,) bound on the difference between two rounded values of |v|^2 - 2 q.v in one row.

    squares (N,) float64: |q|^2. A dot product of D terms errs by at most about D eps |q| |v| in any
    order of summation.
    """
    eps = torch.finfo(torch.float32).eps / 2
    return 2 * (dim + 4) * eps * (squares.sqrt() + largest_square.sqrt()).square()


def _squares(rows: Tensor) -> Tensor:
    """(N,) float64: |q|^2."""
    return rows.double().square().sum(1)


@functools.lru_cache(maxsize=1024)
def _layout(sizes: tuple[int, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Of blocks put behind one another: the block of each vector, and where each block begins."""
    counts = torch.tensor(sizes)
    block_of = torch.arange(len(sizes)).repeat_interleave(counts)
    return block_of.to(device), (counts.cumsum(0) - counts).to(device)


def _torch_search(
    queries: Tensor, blocks: Sequence[Tensor], bounds: Tensor
) -> tuple[Tensor, Tensor]:
    """`torch_search` in torch alone, for devices other than the CPU.

    All blocks go through each operation together: on CUDA to begin one takes longer than to do it.
    """
    vectors = blocks[0] if len(blocks) == 1 else torch.cat(list(blocks))
    squares = vectors.square().sum(1)
    largest = squares.max().double()
    sizes = tuple(len(block) for block in blocks)
    block_of, starts = _layout(sizes, queries.device)
    step = max(256, _PRODUCTS_AT_ONCE // len(vectors))
    distances = torch.empty((len(blocks), len(queries)), device=queries.device)
    rows = torch.empty((len(blocks), len(queries)), dtype=torch.int64, device=queries.device)
    for start in range(0, len(queries), step):
        here = slice(start, start + step)
        piece, bound = queries[here], bounds[here, None]
        # |q - v|^2 - |q|^2 for every pair; |q|^2 is the same along a row.
        products = torch.addmm(squares, piece, vectors.T, alpha=-2)
        lengths = _squares(piece)
        slack = _rounding_error(lengths, largest, piece.shape[1])[:, None]
        lengths = lengths[:, None]
        least = torch.stack([part.amin(1) for part in products.split(sizes, dim=1)], 1).double()
        limit = (torch.minimum(least, bound.double().square() - lengths) + slack).float()
        near = products <= (limit if len(blocks) == 1 else limit[:, block_of])
        places, columns = near.nonzero(as_tuple=True)
        best, where = _smallest(piece, vectors, places, columns, block_of[columns], len(blocks))
        # What is further away than the bound is at least as far as its product says.
        beyond = (least - slack + lengths).clamp_(min=0).sqrt_().float().mul_(_DOWN)
        below = best < bound
        distances[:, here] = torch.where(below, best, beyond.maximum(bound)).T
        rows[:, here] = torch.where(below, where - starts, -1).T
    return distances, rows


def _faiss_block(queries: Tensor, vectors: Tensor, bounds: Tensor) -> tuple[Tensor, Tensor]:
    import faiss

    count = min(_FAISS_CANDIDATES, len(vectors))
    squared, nearest = map(torch.from_numpy, faiss.knn(queries.numpy(), vectors.numpy(), count))
    largest = vectors.square().sum(1).max().double()
    limit = squared[:, 0] + _rounding_error(_squares(queries), largest, queries.shape[1])
    near = squared <= limit[:, None]
    queried, ranks = near.nonzero(as_tuple=True)
    columns = nearest[queried, ranks]
    best, where = _smallest(queries, vectors, queried, columns, torch.zeros_like(columns), 1)
    below = best[:, 0] < bounds
    distances = torch.where(below, best[:, 0], bounds)
    rows = torch.where(below, where[:, 0], -1)
    if count < len(vectors) and (undecided := near[:, -1]).any():
        again = torch_search(queries[undecided], [vectors], bounds[undecided])
        distances[undecided], rows[undecided] = again[0][0], again[1][0]
    return distances, rows


def _smallest(
    queries: Tensor, vectors: Tensor, rows: Tensor, columns: Tensor, block_of: Tensor, blocks: int
) -> tuple[Tensor, Tensor]:
    """For each query and block the smallest exact distance among candidates, and one that has it.

    rows, columns, block_of (n,): which query, vector and block each candidate is of. Returns
    distances (N, blocks) float32, infinite where there is no candidate, and columns (N, blocks).
    """
    count = len(queries) * blocks
    place_of = rows * blocks + block_of if blocks > 1 else rows
    step = _SETTLED_AT_ONCE[queries.device.type] // queries.shape[1] + 1
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
