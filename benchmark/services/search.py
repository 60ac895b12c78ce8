"""Exact nearest-vector search, with torch on any device and with FAISS on the CPU.

Both find candidates with fast float32 matrix products, keep every candidate within the products'
worst rounding error of the best, and settle between these in float64. The answer is therefore the
correctly rounded distance: it depends neither on how a memory is cut into blocks, nor on batch
sizes, nor on the library or device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
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


def torch_search(queries: Tensor, blocks: Sequence[Tensor]) -> Tensor:
    """Distance of each query to its nearest vector in each block, on any device.

    queries (N, D) float32, blocks of (M_k, D) float32 -> (K, N) float32.
    """
    vectors = torch.cat(list(blocks))
    squares = vectors.square().sum(1)
    transposed = vectors.T.contiguous()
    largest = squares.max()
    settle = _settle_on_cpu if queries.device.type == "cpu" else _settle
    step = max(256, _PRODUCTS_AT_ONCE[queries.device.type] // len(vectors))
    distances = torch.empty((len(blocks), len(queries)), device=queries.device)
    for start in range(0, len(queries), step):
        piece = queries[start : start + step]
        # |q - v|^2 - |q|^2 for every pair; |q|^2 is the same along a row.
        products = torch.addmm(squares, piece, transposed, alpha=-2)
        slack = _rounding_error(piece, largest)
        distances[:, start : start + step] = settle(products, slack, piece, blocks)
    return distances


def faiss_search(queries: Tensor, blocks: Sequence[Tensor]) -> Tensor:
    """The same with FAISS's flat search on the CPU; torch takes other devices and near ties."""
    if queries.device.type != "cpu":
        return torch_search(queries, blocks)
    return torch.stack([_faiss_block(queries, vectors) for vectors in blocks])


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


def _settle_on_cpu(
    products: Tensor, slack: Tensor, queries: Tensor, blocks: Sequence[Tensor]
) -> Tensor:
    """`_settle`, compiled."""
    from benchmark.services.settling import settle

    nearest = np.empty((len(blocks), len(queries)), np.float32)
    ends = np.cumsum([len(block) for block in blocks])
    vectors = torch.cat(list(blocks)).numpy()
    settle(products.numpy(), slack.numpy(), queries.numpy(), vectors, ends, nearest)
    return torch.from_numpy(nearest)


def _settle(products: Tensor, slack: Tensor, queries: Tensor, blocks: Sequence[Tensor]) -> Tensor:
    """(K, N) float32: the smallest exact distance among the candidates in each block."""
    settled = []
    parts = products.split([len(block) for block in blocks], dim=1)
    for part, vectors in zip(parts, blocks, strict=True):
        limit = part.amin(1) + slack
        rows, columns = (part <= limit[:, None]).nonzero(as_tuple=True)
        settled.append(_smallest(queries, vectors, rows, columns))
    return torch.stack(settled)


def _faiss_block(queries: Tensor, vectors: Tensor) -> Tensor:
    import faiss

    count = min(_FAISS_CANDIDATES, len(vectors))
    squared, nearest = map(torch.from_numpy, faiss.knn(queries.numpy(), vectors.numpy(), count))
    limit = squared[:, 0] + _rounding_error(queries, vectors.square().sum(1).max())
    near = squared <= limit[:, None]
    rows, ranks = near.nonzero(as_tuple=True)
    distances = _smallest(queries, vectors, rows, nearest[rows, ranks])
    if count < len(vectors) and (undecided := near[:, -1]).any():
        distances[undecided] = torch_search(queries[undecided], [vectors])[0]
    return distances


def _smallest(queries: Tensor, vectors: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """(N,) float32: for each query the smallest exact distance among its candidates."""
    best = torch.full((len(queries),), torch.inf, dtype=torch.float64, device=queries.device)
    step = _SETTLED_AT_ONCE[queries.device.type] // queries.shape[1] + 1
    for row, column in zip(rows.split(step), columns.split(step), strict=True):
        difference = queries[row].double() - vectors[column].double()
        best.scatter_reduce_(0, row, torch.linalg.vecdot(difference, difference), "amin")
    return best.sqrt().float()
