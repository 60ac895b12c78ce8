"""Approximate nearest vectors of large blocks, with an inverted file of FAISS."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...interface.memory_block import Block
from ...system.threads import faiss_threads, one_thread, thread_count
from .k_nearest import k_nearest

SMALLEST = 16_384
"""Vectors of the smallest block with an index; smaller ones are compared with all vectors."""
_POINTS_PER_CELL = 40
_ROUNDS = 5
DEFAULT_BUDGET = 2 * 1024**3
_STEP = 16_384
"""Queries searched in one call."""


class InvertedFile:
    """The vectors of a block, grouped into cells: each vector is in the cell of its nearest center.

    A query is compared with the vectors in the cells of its nearest centers only. Centers, and
    distances to what is found, are computed exactly, so results depend on no batch.

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
    _files: OrderedDict[str, InvertedFile] = field(default_factory=OrderedDict, repr=False)

    def k_nearest(
        self, queries: Tensor, blocks: Sequence[Block], k: int, probes: int
    ) -> tuple[Tensor, Tensor]:
        """Find about the k nearest vectors of each query; see `NeighborService`."""
        k = min(k, sum(map(len, blocks)))
        parts = [self._search(part, blocks, k, probes) for part in queries.split(_STEP)]
        self._evict({block.digest for block in blocks})
        return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])

    def discard(self, digests: Collection[str]) -> None:
        """Drop the files of these blocks."""
        for digest in digests:
            self._files.pop(digest, None)

    def clear(self) -> None:
        """Drop all files."""
        self._files.clear()

    def _search(
        self, queries: Tensor, blocks: Sequence[Block], k: int, probes: int
    ) -> tuple[Tensor, Tensor]:
        distances, rows, start = [], [], 0
        for block in blocks:
            found, row = self._search_block(queries, block, min(k, len(block)), probes)
            distances.append(found)
            rows.append(row + start)
            start += len(block)
        merged, order = torch.cat(distances, 1).sort(dim=1, stable=True)
        return merged[:, :k], torch.cat(rows, 1).gather(1, order[:, :k])

    def _search_block(
        self, queries: Tensor, block: Block, k: int, probes: int
    ) -> tuple[Tensor, Tensor]:
        if len(block) < SMALLEST:
            return k_nearest(queries, block.vectors, k)
        rows = self._file(block).search(queries.cpu(), k, probes).to(queries.device)
        distances = _distances(queries, block.vectors, rows.clamp_min(0))
        distances, order = distances.sort(dim=1, stable=True)
        rows = rows.gather(1, order)
        too_few = (rows < 0).any(1)
        if too_few.any():
            distances[too_few], rows[too_few] = k_nearest(queries[too_few], block.vectors, k)
        return distances, rows

    def _file(self, block: Block) -> InvertedFile:
        file = self._files.pop(block.digest, None) or InvertedFile(block.vectors.cpu().numpy())
        self._files[block.digest] = file
        return file

    def _evict(self, used: Collection[str]) -> None:
        size = sum(file.nbytes for file in self._files.values())
        for digest in [each for each in self._files if each not in used]:
            if size > self.budget:
                size -= self._files.pop(digest).nbytes


@one_thread()
def _distances(queries: Tensor, vectors: Tensor, rows: Tensor) -> Tensor:
    """Distances (N, k) float32 of queries to the vectors at `rows` (N, k)."""
    columns = []
    for column in rows.T:
        difference = queries.double() - vectors[column].double()
        columns.append(torch.linalg.vecdot(difference, difference).sqrt().float())
    return torch.stack(columns, 1)
