"""Cache of patch-to-block distances, one table per block.

Each entry is the exact distance of a patch to its nearest vector in the block, or a lower bound of
it, so that a search can skip patches whose bound exceeds their distance to another block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...interface.memory_block import Block


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

    def add_images(self, ids: Sequence[str]) -> np.ndarray:
        """Append rows for new images, marked as not computed, and return their indices.

        Capacity doubles when it is used up.
        """
        start, end = len(self.row_of), len(self.row_of) + len(ids)
        if end > len(self.values):
            self.values = _grow(self.values, max(end, 2 * start), start)
            self.nearest = _grow(self.nearest, max(end, 2 * start), start)
        self.values[start:end] = -0.0
        self.changed = True
        self.row_of.update(zip(ids, range(start, end), strict=True))
        return np.arange(start, end)

    def rows_of(self, ids: Sequence[str]) -> np.ndarray:
        """Row indices of images that are in the table."""
        return np.array([self.row_of[identity] for identity in ids])

    def missing(self, ids: Sequence[str]) -> list[str]:
        """The ids that have no row yet, each once, in order."""
        return [identity for identity in dict.fromkeys(ids) if identity not in self.row_of]

    def contains(self, other: DistanceTable) -> bool:
        """Whether this block contains every vector of `other`, a subset of the same root."""
        fits = len(other.in_block) <= len(self.in_block)
        return fits and bool(self.in_block[other.root_rows].all())

    def to_arrays(self) -> dict[str, Any]:
        """Ids, values and indices of nearest vectors in the block itself, for `from_arrays`."""
        count = len(self.row_of)
        block_rows = np.zeros(len(self.in_block), self.nearest.dtype)
        block_rows[self.root_rows] = np.arange(len(self.root_rows))
        values = self.values[:count]
        nearest = np.where(np.signbit(values), self.root_rows[0], self.nearest[:count])
        return {"ids": list(self.row_of), "values": values, "rows": block_rows[nearest]}

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
