"""Cache of the distances of test patches to one block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ...interface.experience import BatchData
from ...interface.memory_block import Block
from .search import Search


class DistanceTable:
    """Exact distances of the patches of images to one block: a row per image, P patches per row.

    Attributes:
        values: (capacity, P) float32; NaN: not computed.
        nearest: (capacity, P): index of the nearest vector in the root block.
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

    def distances(self, batch: BatchData, block: Block, search: Search) -> np.ndarray:
        """The distances (B, P) of a batch whose images have rows; missing ones are computed."""
        rows = self.rows_of(batch.ids)
        found = self.values[rows]
        if len(places := np.flatnonzero(np.isnan(found))):
            patches = found.shape[1]
            image, patch = np.divmod(places, patches)
            stored, stored_rows = batch.stored
            queries = torch.from_numpy(np.asarray(stored_rows)[image] * patches + patch)
            values, nearest = search(
                stored.flatten(0, 1), block.vectors, queries.to(block.vectors.device)
            )
            self.values[rows[image], patch] = values.cpu().numpy()
            self.nearest[rows[image], patch] = self.root_rows[nearest.cpu().numpy()]
            self.changed = True
            found = self.values[rows]
        return found

    def add_images(self, ids: Sequence[str]) -> np.ndarray:
        """Append rows for new images, not computed, and return their indices.

        Capacity doubles when it is used up.
        """
        start, end = len(self.row_of), len(self.row_of) + len(ids)
        if end > len(self.values):
            self.values = _grow(self.values, max(end, 2 * start), start)
            self.nearest = _grow(self.nearest, max(end, 2 * start), start)
        self.values[start:end] = np.nan
        self.nearest[start:end] = 0
        self.changed = True
        self.row_of.update(zip(ids, range(start, end), strict=True))
        return np.arange(start, end)

    def add_images_from(self, source: DistanceTable, ids: Sequence[str]) -> None:
        """Append rows with the distances of a block that contains this one.

        They are the same where the nearest vector is in this block.
        """
        source_rows, rows = source.rows_of(ids), self.add_images(ids)
        nearest = source.nearest[source_rows]
        inside = np.append(self.in_block, False)[
            np.minimum(nearest.astype(np.int64), len(self.in_block))
        ]
        self.values[rows] = np.where(inside, source.values[source_rows], np.float32(np.nan))
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
        # Version 0.1 stored lower bounds, as negative values.
        stored = np.where(np.signbit(arrays["values"]), np.float32(np.nan), arrays["values"])
        table.values[rows] = stored
        table.nearest[rows] = table.root_rows[arrays["rows"]]
        table.changed = False
        return table


def _grow(array: np.ndarray, capacity: int, used: int) -> np.ndarray:
    """Copy the first `used` rows to an array of `capacity` rows."""
    grown = np.empty((capacity, *array.shape[1:]), array.dtype)
    grown[:used] = array[:used]
    return grown
