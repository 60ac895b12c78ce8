"""What is known of the distances of images' patches to one block of vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...interface.block import Block


class Known:
    """What is known of images' distances to one block: a row for each image.

    values (n, P) float32: a distance, or minus a lower bound of it (minus zero: nothing is known);
    nearest (n, P): for a distance, the row of its vector in the block that this one is taken from.
    """

    def __init__(self, block: Block, patches: int) -> None:
        self.whole = block.root_digest
        self.origin = np.arange(len(block)) if block.parent_rows is None else block.parent_rows
        self.members = np.zeros(self.origin.max() + 1, np.bool_)
        self.members[self.origin] = True
        self.rows: dict[str, int] = {}
        self._places: dict[tuple[str, ...], np.ndarray] = {}
        self.changed = False
        self.values = np.empty((0, patches), np.float32)
        self.nearest = np.empty((0, patches), np.min_scalar_type(-len(self.members)))

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + self.nearest.nbytes

    def add(self, ids: Sequence[str]) -> np.ndarray:
        """Rows for new ids, of which nothing is known; room doubles when it is used up."""
        start, end = len(self.rows), len(self.rows) + len(ids)
        if end > len(self.values):
            self.values = _enlarged(self.values, max(end, 2 * start), start)
            self.nearest = _enlarged(self.nearest, max(end, 2 * start), start)
        self.values[start:end] = -0.0
        self.changed = True
        self.rows.update(zip(ids, range(start, end), strict=True))
        return np.arange(start, end)

    def places(self, ids: Sequence[str]) -> np.ndarray:
        """The rows of images; kept, since batches come again."""
        key = tuple(ids)
        if key not in self._places:
            self._places[key] = np.array([self.rows[identity] for identity in ids])
        return self._places[key]

    def lacking(self, ids: Sequence[str]) -> list[str]:
        """Which of the images, each once, have no row."""
        if tuple(ids) in self._places:
            return []
        return [identity for identity in dict.fromkeys(ids) if identity not in self.rows]

    def holds(self, part: Known) -> bool:
        """Whether all vectors of `part`, taken from the same block, are in this one."""
        return len(part.members) <= len(self.members) and bool(self.members[part.origin].all())

    def as_kept(self) -> dict[str, Any]:
        """What is known, for a file; nearest vectors by their rows in the block itself."""
        count = len(self.rows)
        inside = np.zeros(len(self.members), self.nearest.dtype)
        inside[self.origin] = np.arange(len(self.origin))
        values = self.values[:count]
        nearest = np.where(np.signbit(values), self.origin[0], self.nearest[:count])
        return {"ids": list(self.rows), "values": values, "rows": inside[nearest]}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take over what `as_kept` gave, when nothing is known yet."""
        places = self.add(kept["ids"])
        self.values[places] = kept["values"]
        self.nearest[places] = self.origin[kept["rows"]]
        self.changed = False


def _enlarged(array: np.ndarray, count: int, used: int) -> np.ndarray:
    room = np.empty((count, *array.shape[1:]), array.dtype)
    room[:used] = array[:used]
    return room
