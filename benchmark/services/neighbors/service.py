"""Neighbor service: distances from test patches to memory blocks, computed once and shared.

The package docstring explains the algorithm and why its results are exact.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ...interface.experience import BatchData, TestBatch, batch_data
from ...interface.memory_block import Block
from .disk_cache import DistanceStore
from .distance_table import DistanceTable
from .inverted_file import InvertedFiles
from .k_nearest import k_nearest, k_nearest_in_window
from .search import Search, exact_search

DEFAULT_BUDGET = 512 * 1024 * 1024


@dataclass
class Neighbors:
    """The `NeighborService` of a run.

    Distance tables are kept in main memory and, if there is a store, on disk.

    Attributes:
        search: finds the distances that are not cached.
        budget: bytes of the tables in memory; the tables used longest ago are dropped first.
        store: the disk cache; None: tables are not stored.
    """

    search: Search = exact_search
    budget: int = DEFAULT_BUDGET
    store: DistanceStore | None = None
    _tables: OrderedDict[str, DistanceTable] = field(default_factory=OrderedDict, repr=False)
    _inverted_files: InvertedFiles = field(default_factory=InvertedFiles, repr=False)

    def min_distance(
        self, batch: TestBatch, blocks: Sequence[Block], *, verify: Callable[[], None] | None = None
    ) -> Tensor:
        """Return the distance of each patch to its nearest vector of all blocks.

        Args:
            batch: B images of P patches.
            blocks: one or more blocks; equal blocks count once.
            verify: called before tables are evicted, and so perhaps stored; raises an error if a
                method has changed the vectors of a block.

        Returns:
            Euclidean distances (B, P) float32, on the device of the blocks.

        Raises:
            ValueError: there are no blocks.
        """
        if not blocks:
            raise ValueError("min_distance needs at least one block")
        blocks = list({block.digest: block for block in blocks}.values())
        data = batch_data(batch)
        tables = [self._table(block, data) for block in blocks]
        least = np.full((len(data), tables[0].values.shape[1]), np.inf, np.float32)
        for table in tables:
            table.lower(least, data.ids)
        # A large block probably has the nearest vectors, whose distances rule others out.
        for block, table in sorted(
            zip(blocks, tables, strict=True), key=lambda each: -len(each[0])
        ):
            table.search(data, block, least, self.search)
        self._evict(verify)
        return torch.from_numpy(least).to(blocks[0].vectors.device)

    def k_nearest(self, queries: Tensor, blocks: Sequence[Block], k: int) -> tuple[Tensor, Tensor]:
        """Find the k nearest vectors of each query; see `NeighborService`. Not cached."""
        return k_nearest(queries, torch.cat([block.vectors for block in blocks]), k)

    k_nearest_in_window = staticmethod(k_nearest_in_window)

    def approximate_k_nearest(
        self, queries: Tensor, blocks: Sequence[Block], k: int, probes: int
    ) -> tuple[Tensor, Tensor]:
        """Find approximately the k nearest vectors; see `NeighborService`."""
        return self._inverted_files.k_nearest(queries, blocks, k, probes)

    def save(self) -> None:
        """Write changed tables to the store."""
        self._save(self._tables)

    def discard(self, digests: Collection[str]) -> None:
        """Drop the tables of these blocks and of their subsets, because vectors have changed.

        Distances are copied between the tables of blocks with the same root, so callers name the
        root of a changed block too.
        """
        for digest, table in list(self._tables.items()):
            if digest in digests or table.root_digest in digests:
                del self._tables[digest]
        self._inverted_files.discard(digests)

    def forget(self) -> None:
        """Drop all tables from memory."""
        self._tables.clear()
        self._inverted_files.clear()

    def _table(self, block: Block, batch: BatchData) -> DistanceTable:
        """Return the table of a block, with a row for every image of the batch."""
        table = self._tables.get(block.digest)
        if table is None:
            table = self.store.load(block) if self.store is not None else None
            if table is None:
                other = next(iter(self._tables.values()), None)
                patches = batch.stored[0].shape[1] if other is None else other.values.shape[1]
                table = DistanceTable(block, patches)
            self._tables[block.digest] = table
        self._tables.move_to_end(block.digest)
        ids = [each for each in dict.fromkeys(batch.ids) if each not in table.row_of]
        if ids:
            self._add_images(table, ids)
        return table

    def _add_images(self, table: DistanceTable, ids: Sequence[str]) -> None:
        """Add rows for images, filled from the tables of blocks that contain this block.

        If several such tables have the image, the one of the smallest block is used.
        """
        related = [
            other for other in self._tables.values() if other.root_digest == table.root_digest
        ]
        for source in sorted(related, key=lambda other: len(other.root_rows)):
            shared = [identity for identity in ids if identity in source.row_of]
            if shared and source.contains(table):
                table.add_images_from(source, shared)
                ids = [identity for identity in ids if identity not in table.row_of]
        if ids:
            table.add_images(ids)

    def _evict(self, verify: Callable[[], None] | None) -> None:
        """Drop the tables used longest ago, but never the last one used."""
        size = sum(table.nbytes for table in self._tables.values())
        if verify is not None and self.store is not None and size > self.budget:
            verify()
        dropped = {}
        while size > self.budget and len(self._tables) > 1:
            digest, oldest = self._tables.popitem(last=False)
            size -= oldest.nbytes
            dropped[digest] = oldest
        self._save(dropped)

    def _save(self, tables: Mapping[str, DistanceTable]) -> None:
        changed = {digest: table for digest, table in tables.items() if table.changed}
        if self.store is not None and changed:
            self.store.save(changed)
