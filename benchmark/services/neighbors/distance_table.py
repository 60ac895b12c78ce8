"""Cache of the distances of test patches to one block.

Each entry is the exact distance of a patch to its nearest vector in the block, or a lower bound of
it, so that patches whose bound exceeds their distance to another block are not searched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ...interface.experience import BatchData
from ...interface.memory_block import Block
from .search import Search


class DistanceTable:
    """Distances of the patches of images to one block: a row per image, P patches per row.

    Attributes:
        values: (capacity, P) float32: the exact distance if the sign bit is clear; otherwise the
            negated lower bound. -0.0 means "not computed".
        nearest: (capacity, P): index of the nearest vector in the root block; undefined where only
            a bound is stored.
        root_digest: digest of the root block: the block that this one is a subset of, or itself.
        root_rows: (M,) indices of the block's vectors in the root block.
        in_block: mask over the root's vectors (the last ones may be missing): those in the block.
        row_of: row of each image id.
        changed: whether the table has changed since it was loaded or saved.
    """

    def __init__(self, block: Block, patches: int) -> None:
        self.root_digest = block.root_digest
        self.root_rows = np.arange(len(block)) if block.parent_rows is None else block.parent_rows
        self.in_block = np.zeros(self.root_rows.max() + 1, np.bool_)
        self.in_block[self.root_rows] = True
        self.row_of: dict[str, int] = {}
        self.changed = False
        self.values = np.empty((0, patches), np.float32)
        self.nearest = np.empty((0, patches), np.min_scalar_type(-len(self.in_block)))

    @property
    def nbytes(self) -> int:
        """Bytes of the table."""
        return self.values.nbytes + self.nearest.nbytes

    def lower(self, least: np.ndarray, ids: Sequence[str]) -> None:
        """Lower `least` (B, P) float32 to the exact distances of images in the table."""
        # As whole numbers, the bits of values with a sign are larger than those without.
        bits = least.view(np.uint32)
        np.minimum(bits, self.values[self.rows_of(ids)].view(np.uint32), out=bits)

    def search(
        self, batch: BatchData, block: Block, least: np.ndarray, exact_search: Search
    ) -> None:
        """Compute the distances that may be below `least` (B, P), and lower it to them."""
        rows, patches = self.rows_of(batch.ids), least.shape[1]
        may_be_below = (-self.values[rows]).view(np.uint32) < least.view(np.uint32)
        places = np.flatnonzero(may_be_below)
        if not len(places):
            return
        image, patch = np.divmod(places, patches)
        stored, stored_rows = batch.stored
        queries = torch.from_numpy(np.asarray(stored_rows)[image] * patches + patch)
        device = block.vectors.device
        found = exact_search(stored.flatten(0, 1), block.vectors, queries.to(device))
        distances, nearest = (each.cpu().numpy() for each in found)
        self.values[rows[image], patch] = distances
        self.nearest[rows[image], patch] = self.root_rows[nearest]
        least[image, patch] = np.minimum(least[image, patch], distances)
        self.changed = True

    def add_images(self, ids: Sequence[str]) -> np.ndarray:
        """Append rows for new images, not computed, and return their indices.

        Capacity doubles when it is used up.
        """
        start, end = len(self.row_of), len(self.row_of) + len(ids)
        if end > len(self.values):
            self.values = _grow(self.values, max(end, 2 * start), start)
            self.nearest = _grow(self.nearest, max(end, 2 * start), start)
        self.values[start:end] = -0.0
        self.nearest[start:end] = 0
        self.changed = True
        self.row_of.update(zip(ids, range(start, end), strict=True))
        return np.arange(start, end)

    def add_images_from(self, source: DistanceTable, ids: Sequence[str]) -> None:
        """Append rows with the distances of a block that contains this one.

        A distance whose nearest vector is not in this block becomes a lower bound.
        """
        source_rows, rows = source.rows_of(ids), self.add_images(ids)
        values, nearest = source.values[source_rows], source.nearest[source_rows].astype(np.int64)
        inside = np.append(self.in_block, False)[np.minimum(nearest, len(self.in_block))]
        inside &= ~np.signbit(values)
        self.values[rows] = np.where(inside, values, -np.abs(values))
        self.nearest[rows] = np.where(inside, nearest, 0)

    def rows_of(self, ids: Sequence[str]) -> np.ndarray:
        """Row indices of images that are in the table."""
        return np.array([self.row_of[identity] for identity in ids])

    def contains(self, other: DistanceTable) -> bool:
        """Whether this block contains every vector of `other`, a subset of the same root."""
        fits = len(other.in_block) <= len(self.in_block)
        return fits and bool(self.in_block[other.root_rows].all())

    def to_arrays(self) -> dict[str, Any]:
        """Ids, values and indices of nearest vectors in the block itself, for `from_arrays`."""
        count = len(self.row_of)
        block_rows = np.zeros(len(self.in_block), self.nearest.dtype)
        block_rows[self.root_rows] = np.arange(len(self.root_rows))
        values, rows = self.values[:count], block_rows[self.nearest[:count]]
        return {"ids": list(self.row_of), "values": values, "rows": rows}

    @classmethod
    def from_arrays(cls, block: Block, arrays: Mapping[str, Any]) -> DistanceTable:
        """Restore the table of a block from what `to_arrays` returned."""
        table = cls(block, arrays["values"].shape[1])
        rows = table.add_images(arrays["ids"])
        table.values[rows] = arrays["values"]
        table.nearest[rows] = table.root_rows[arrays["rows"]]
        table.changed = False
        return table


def _grow(array: np.ndarray, capacity: int, used: int) -> np.ndarray:
    """Copy the first `used` rows to an array of `capacity` rows."""
    grown = np.empty((capacity, *array.shape[1:]), array.dtype)
    grown[:used] = array[:used]
    return grown
