"""The k nearest vectors of a memory, for scores that need more than the nearest one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ....results.errors import CadbenchError
from ...interface.memory_block import Block
from ...system.threads import one_thread
from ..precision import full_float32
from .search import rounding_error, squared_lengths

_SPARE = 8
"""Candidates beyond k, because float32 products may order near ties differently."""
_VALUES = {"cpu": 1 << 18, "cuda": 1 << 26}
"""Values in a temporary array, by device type."""


@one_thread()
def k_nearest(
    queries: Tensor, vectors: Tensor, k: int, allowed: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Find the k nearest vectors of each query.

    As in `search`, float32 products choose candidates and float64 distances decide between them.
    If vectors that are not candidates may be as near, the query is compared with all in float64.
    So the result is exact and depends on neither chunks nor batches.

    Args:
        queries: (N, D) float32.
        vectors: (M, D) float32, M >= 1.
        k: number of vectors, at least 1; if there are fewer, all of them.
        allowed: (P, M) bool; query i may be compared with the vectors in row i % P. None: with all.

    Returns:
        Distances (N, min(k, M)) float32, ascending, and the rows of the vectors, int64. On ties,
        lower rows come first. If fewer than k are allowed, the remaining distances are infinite.
    """
    k = min(k, len(vectors))
    count = min(k + _SPARE, len(vectors))
    squares = vectors.square().sum(1)
    per_query = max(len(vectors), count * vectors.shape[1])
    step = max(1, _VALUES[queries.device.type] // per_query)
    parts = []
    for start in range(0, len(queries), step):
        chunk = queries[start : start + step]
        mask = None
        if allowed is not None:
            places = torch.arange(start, start + len(chunk), device=allowed.device)
            mask = allowed[places % len(allowed)]
        parts.append(_nearest_of_chunk(chunk, vectors, squares, k, count, mask))
    return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])


def k_nearest_in_window(
    patches: Tensor, blocks: Sequence[Block], k: int, *, grid: tuple[int, int], radius: int
) -> Tensor:
    """Find the k nearest vectors near the place of each patch; see `NeighborService`.

    Raises:
        CadbenchError: a block has no places.
    """
    places = [block.places for block in blocks if block.places is not None]
    if len(places) < len(blocks):
        raise CadbenchError(
            "a search near the place of a patch needs the places of all vectors; give them: "
            "Block.of(vectors, places=...)"
        )
    height, width = grid
    rows, columns = np.divmod(np.concatenate(places).astype(np.int64), width)
    own_rows, own_columns = np.divmod(np.arange(height * width), width)
    near = abs(rows - own_rows[:, None]) <= radius
    near &= abs(columns - own_columns[:, None]) <= radius
    near[~near.any(1)] = True
    vectors = torch.cat([block.vectors for block in blocks])
    allowed = torch.from_numpy(near).to(vectors.device)
    distances, _ = k_nearest(patches.flatten(0, 1), vectors, k, allowed)
    return distances.unflatten(0, patches.shape[:2])


def _nearest_of_chunk(
    queries: Tensor, vectors: Tensor, squares: Tensor, k: int, count: int, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    with full_float32():
        products = torch.addmm(squares, queries, vectors.T, alpha=-2)
    if mask is not None:
        products.masked_fill_(~mask, torch.inf)
    values, rows = products.topk(count, largest=False, sorted=True)
    exact, rows = _sorted_distances(queries, vectors, rows.sort(1).values, mask)
    if count < len(vectors):
        own = squared_lengths(queries)
        error = rounding_error(own, squares.max().double(), vectors.shape[1])
        # No other vector is nearer than this.
        beyond = values[:, -1] + own - error
        undecided = ((exact[:, k - 1] >= beyond) & (beyond < torch.inf)).nonzero()[:, 0]
        if undecided.numel():
            again = [
                _compare_with_all(queries[row], vectors, None if mask is None else mask[row])
                for row in undecided
            ]
            exact[undecided] = torch.stack([distances[:count] for distances, _ in again])
            rows[undecided] = torch.stack([order[:count] for _, order in again])
    return exact[:, :k].sqrt().float(), rows[:, :k]


def _sorted_distances(
    queries: Tensor, vectors: Tensor, rows: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Squared distances (n, c) float64 of queries (n, D) to the vectors at `rows`, ascending."""
    difference = vectors[rows].double().sub_(queries.double()[:, None])
    exact = torch.linalg.vecdot(difference, difference)
    if mask is not None:
        exact.masked_fill_(~mask.gather(1, rows), torch.inf)
    exact, order = exact.sort(dim=1, stable=True)
    return exact, rows.gather(1, order)


def _compare_with_all(query: Tensor, vectors: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Squared distances (M,) float64 of a query (D,) to all vectors, ascending, and their rows."""
    parts = []
    for part in vectors.split(max(1, _VALUES[query.device.type] // vectors.shape[1])):
        difference = part.double().sub_(query.double())
        parts.append(torch.linalg.vecdot(difference, difference))
    exact = torch.cat(parts)
    if mask is not None:
        exact.masked_fill_(~mask, torch.inf)
    exact, order = exact.sort(stable=True)
    return exact, order
