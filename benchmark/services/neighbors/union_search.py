"""Minimum distances of a batch to a union of blocks, from tables or, where needed, by search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...interface.experience import BatchData
from ...interface.memory_block import Block
from .distance_table import DistanceTable
from .search import Search


def union_distances(
    batch: BatchData, blocks: Sequence[Block], tables: Sequence[DistanceTable], search: Search
) -> np.ndarray:
    """Find the minimum distances of a batch to a union of blocks, and update their tables.

    The largest block is searched first, because it probably has the nearest vectors, whose
    distances limit the other searches.

    Args:
        batch: B images of P patches.
        blocks: the blocks of the union.
        tables: the table of each block, with a row for every image of the batch.
        search: the exact search.

    Returns:
        (B, P) float32.
    """
    from .distance_table_loops import find_unknown, store_results, update_minimum

    table_rows = [table.rows_of(batch.ids) for table in tables]
    patches = tables[0].values.shape[1]
    least = np.full((len(batch), patches), np.inf, np.float32)
    for table, rows in zip(tables, table_rows, strict=True):
        update_minimum(table.values, rows, least)
    for index in sorted(range(len(blocks)), key=lambda index: -len(blocks[index])):
        table, rows, vectors = tables[index], table_rows[index], blocks[index].vectors
        places = find_unknown(table.values, rows, least)
        if not len(places):
            continue
        stored, stored_rows = batch.stored
        image, patch = np.divmod(places, patches)
        limits, queries = least[image, patch], np.asarray(stored_rows)[image] * patches + patch
        on_device = (torch.from_numpy(each).to(vectors.device) for each in (limits, queries))
        distances, found = search(stored.flatten(0, 1), vectors, *on_device)
        table.changed = True
        store_results(
            table.values, table.nearest, table.root_rows, rows,
            places, distances.cpu().numpy(), found.cpu().numpy(), least,
        )  # fmt: skip
    return least
