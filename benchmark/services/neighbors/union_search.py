"""Minimum distances of a batch to a union of blocks, from tables or, where needed, by search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ...interface.experience import BatchData
from ...interface.memory_block import Block
from .distance_table import DistanceTable

if TYPE_CHECKING:
    from torch import Tensor

_SEARCH_OVERHEAD = 1 << 18
"""Fixed cost of a search, as the number of distances that could be computed in the same time."""


class Search(Protocol):
    """An exact search; `search.torch_search` documents arguments and result."""

    def __call__(
        self,
        queries: Tensor,
        blocks: Sequence[Tensor],
        limits: Tensor | None = None,
        query_rows: Tensor | None = None,
        /,
    ) -> tuple[Tensor, Tensor]: ...


class UnionSearch:
    """Finds the minimum distances of a batch to a union of blocks and updates their tables.

    Attributes:
        batch: B images of P patches.
        blocks: the blocks of the union.
        tables: the table of each block, with a row for every image of the batch.
        rows: per table, the rows (B,) of the batch's images.
        least: (B, P) float32: the smallest exact distance found so far.
    """

    def __init__(
        self, batch: BatchData, blocks: Sequence[Block], tables: Sequence[DistanceTable]
    ) -> None:
        from .distance_table_loops import update_minimum

        self.batch, self.blocks, self.tables = batch, blocks, tables
        self.rows = [table.rows_of(batch.ids) for table in tables]
        self.least = np.full((len(batch), tables[0].values.shape[1]), np.inf, np.float32)
        for table, rows in zip(tables, self.rows, strict=True):
            update_minimum(table.values, rows, self.least)

    def run(self, search: Search) -> np.ndarray:
        """Search blocks until `least` is the minimum over the union, and return it."""
        for group in self._groups():
            self._search(group, search)
        return self.least

    def _groups(self) -> Iterator[list[int]]:
        """Yield the blocks that may contain nearer vectors, in groups to be searched together.

        Blocks with bounds come first, lowest average bound first. Then come blocks without bounds
        for the same images; if these images have no distance yet, the largest such block (the last
        of equal ones) is searched alone first, so that its distances limit the others' search.
        """
        from .distance_table_loops import count_unknown

        mean_bounds: dict[int, float] = {}
        counts: dict[int, int] = {}
        without_bounds: dict[bytes, list[int]] = {}
        for index, (table, rows) in enumerate(zip(self.tables, self.rows, strict=True)):
            is_new = np.zeros(len(rows), np.bool_)
            count, total = count_unknown(table.values, rows, self.least, is_new)
            if is_new.any():
                without_bounds.setdefault(is_new.tobytes(), []).append(index)
            elif count:
                mean_bounds[index], counts[index] = total / count, count
        likeliest_first = sorted(mean_bounds, key=lambda index: mean_bounds[index])
        sizes = [len(block) for block in self.blocks]
        yield from batch_by_cost(likeliest_first, counts, sizes)
        for images, group in without_bounds.items():
            if np.isinf(self.least[np.frombuffer(images, np.bool_)]).any():
                first = max(group, key=lambda index: (sizes[index], index))
                yield [first]
                group = [index for index in group if index != first]
            if group:
                yield group

    def _search(self, group: Sequence[int], search: Search) -> None:
        """Search a group of blocks, and store the results in their tables and in `least`."""
        import torch

        from .distance_table_loops import gather_queries, mark_candidates, store_results

        candidates = np.zeros(self.least.size, np.bool_)
        for index in group:
            mark_candidates(self.tables[index].values, self.rows[index], self.least, candidates)
        if not (count := np.count_nonzero(candidates)):
            return
        stored, stored_rows = self.batch.stored
        batch_places, limits = np.empty(count, np.int64), np.empty(count, np.float32)
        stored_places = np.empty(count, np.int64)
        gather_queries(
            candidates, self.least, np.asarray(stored_rows), batch_places, limits, stored_places
        )
        device = self.blocks[0].vectors.device
        distances, found = search(
            stored.flatten(0, 1),
            [self.blocks[index].vectors for index in group],
            torch.from_numpy(limits).to(device),
            torch.from_numpy(stored_places).to(device),
        )
        results = zip(group, distances.cpu().numpy(), found.cpu().numpy(), strict=True)
        for index, block_distances, block_found in results:
            table = self.tables[index]
            table.changed = True
            store_results(
                table.values, table.nearest, table.root_rows, self.rows[index],
                batch_places, limits, block_distances, block_found, self.least,
            )  # fmt: skip


def batch_by_cost(
    order: Sequence[int], counts: Mapping[int, int], sizes: Sequence[int]
) -> Iterator[list[int]]:
    """Group consecutive blocks where one search costs less than several.

    Searching blocks together compares every patch with every vector, including pairs that separate
    searches would skip, but `_SEARCH_OVERHEAD` is paid only once.

    Args:
        order: indices of the blocks in the order of searching.
        counts: per block, the number of patches to search; assumed to be different patches.
        sizes: per block, its number of vectors.

    Yields:
        Groups of indices, in order.
    """
    group: list[int] = []
    for index in order:
        joined = [*group, index]
        separate = sum(counts[each] * sizes[each] for each in joined)
        together = sum(sizes[each] for each in joined) * sum(counts[each] for each in joined)
        if group and together - separate > len(group) * _SEARCH_OVERHEAD:
            yield group
            joined = [index]
        group = joined
    if group:
        yield group
