"""Approximate nearest vectors of large blocks, with an inverted file of FAISS."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ...interface.memory_block import Block
from ...interface.services import SMALLEST_APPROXIMATE
from ...system.threads import faiss_threads, one_thread, thread_count
from .k_nearest import k_nearest

Digests: TypeAlias = tuple[str, ...]
_POINTS_PER_CELL = 40
_ROUNDS = 5
DEFAULT_BUDGET = 2 * 1024**3
_STEP = 16_384
"""Queries searched in one call."""


class InvertedFile:
    """The vectors of a block, grouped into cells: each vector is in the cell of its nearest center.

    A query is compared only with the vectors in the cells of its nearest centers. The search for
    these centers is exact, so the result of a query does not depend on the batch.

    Args:
        vectors: (M, D) float32; there are 2 sqrt(M) cells.
    """

    def __init__(self, vectors: np.ndarray) -> None:
        import faiss

        count, dim = vectors.shape
        centers = faiss.IndexFlatL2(dim)
        self._index: Any = faiss.IndexIVFFlat(centers, dim, int(2 * count**0.5))
        self._index.cp.niter = _ROUNDS
        self._index.cp.max_points_per_centroid = _POINTS_PER_CELL
        self._index.cp.min_points_per_centroid = 1  # no warning about few vectors
        with faiss_threads(1):
            self._index.train(vectors)
            self._index.add(vectors)
        self._centers = torch.from_numpy(centers.reconstruct_n(0, self._index.nlist))
        self.nbytes = vectors.nbytes + self._centers.nbytes

    def search(self, queries: Tensor, k: int, probes: int) -> Tensor:
        """Find vectors near queries (N, D) float32 in the cells of their `probes` nearest centers.

        Returns:
            Rows (N, k) int64, nearest first in float32; -1 if the cells have fewer vectors.
        """
        distances, cells = k_nearest(queries, self._centers, probes)
        self._index.nprobe = cells.shape[1]
        with faiss_threads(thread_count()):
            _, rows = self._index.search_preassigned(
                queries.numpy(), k, cells.numpy(), distances.square().numpy()
            )
        return torch.from_numpy(rows)


@dataclass
class InvertedFiles:
    """The inverted files of blocks, each made when a block is first searched.

    Attributes:
        budget: bytes of the files; beyond it those used longest ago are dropped, but not those of
            the latest call.
    """

    budget: int = DEFAULT_BUDGET
    _files: OrderedDict[Digests, InvertedFile] = field(default_factory=OrderedDict, repr=False)

    def k_nearest(
        self, queries: Tensor, blocks: Sequence[Block], k: int, probes: int
    ) -> tuple[Tensor, Tensor]:
        """Find approximately the k nearest vectors; see `NeighborService`."""
        rows = torch.arange(sum(map(len, blocks)), device=queries.device)
        groups = _group(blocks, rows.split([len(block) for block in blocks]))
        parts = []
        for part in queries.split(_STEP):
            found = [self._search(part, group, min(k, len(group.rows)), probes) for group in groups]
            distances, order = torch.cat([each[0] for each in found], 1).sort(dim=1, stable=True)
            nearest = torch.cat([each[1] for each in found], 1).gather(1, order)
            parts.append((distances[:, :k], nearest[:, :k]))
        self._evict({group.digests for group in groups})
        return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])

    def discard(self, digests: Collection[str]) -> None:
        """Drop the files of these blocks."""
        for each in list(self._files):
            if not set(each).isdisjoint(digests):
                del self._files[each]

    def clear(self) -> None:
        """Drop all files."""
        self._files.clear()

    def _search(self, queries: Tensor, group: _Group, k: int, probes: int) -> tuple[Tensor, Tensor]:
        if len(group.rows) < SMALLEST_APPROXIMATE:
            distances, rows = k_nearest(queries, group.vectors, k)
            return distances, group.rows[rows]
        file = self._files.pop(group.digests, None) or InvertedFile(group.vectors.cpu().numpy())
        self._files[group.digests] = file
        rows = file.search(queries.cpu(), k, probes).to(queries.device)
        distances, order = _distances(queries, group.vectors, rows.clamp_min(0)).sort(
            dim=1, stable=True
        )
        rows = rows.gather(1, order)
        too_few = (rows < 0).any(1)
        if too_few.any():
            distances[too_few], rows[too_few] = k_nearest(queries[too_few], group.vectors, k)
        return distances, group.rows[rows]

    def _evict(self, used: Collection[Digests]) -> None:
        size = sum(file.nbytes for file in self._files.values())
        for digests in [each for each in self._files if each not in used]:
            if size > self.budget:
                size -= self._files.pop(digests).nbytes


@dataclass(frozen=True)
class _Group:
    """Blocks that have one inverted file: their vectors (M, D), and rows (M,) in the whole bank."""

    digests: Digests
    vectors: Tensor
    rows: Tensor


def _group(blocks: Sequence[Block], rows: Sequence[Tensor]) -> list[_Group]:
    """Large blocks have a file each, which other banks share; all small ones have one."""
    pairs = list(zip(blocks, rows, strict=True))
    groups = [[pair] for pair in pairs if len(pair[0]) >= SMALLEST_APPROXIMATE]
    if small := [pair for pair in pairs if len(pair[0]) < SMALLEST_APPROXIMATE]:
        groups.append(small)
    return [
        _Group(
            tuple(block.digest for block, _ in group),
            group[0][0].vectors
            if len(group) == 1
            else torch.cat([block.vectors for block, _ in group]),
            torch.cat([part for _, part in group]),
        )
        for group in groups
    ]


@one_thread()
def _distances(queries: Tensor, vectors: Tensor, rows: Tensor) -> Tensor:
    """Distances (N, k) float32 of queries to the vectors at `rows` (N, k)."""
    columns = []
    for column in rows.T:
        difference = queries.double() - vectors[column].double()
        columns.append(torch.linalg.vecdot(difference, difference).sqrt().float())
    return torch.stack(columns, 1)
