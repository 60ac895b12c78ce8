"""The stored arrays of one category and split, as methods and services read them."""

from __future__ import annotations

import bisect
import functools
import hashlib
import warnings
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.features.shards import Shard, ShardStore
from results.errors import CadbenchError

if TYPE_CHECKING:
    import torch


class PatchSource:
    """Patches (or pixels) of some images, read from the cache when asked for.

    ids: (B,) content hashes, in storage order; digest: content address of features and images.
    Nothing here leads to an image's file, its label or its mask.
    """

    def __init__(
        self,
        store: ShardStore,
        shards: Sequence[Shard],
        spec_digest: str,
        device: torch.device,
        only: Collection[str] | None = None,
    ) -> None:
        """only: ids of the shards' images to be read; None: all."""
        self._store = store
        rows = [[r for r, i in enumerate(s.ids) if only is None or i in only] for s in shards]
        held = [(shard, kept) for shard, kept in zip(shards, rows, strict=True) if kept]
        self._shards = tuple(shard for shard, _ in held)
        self._rows = tuple(kept for _, kept in held)
        self._device = device
        self._ends = np.cumsum([len(kept) for kept in self._rows]).tolist()
        self.ids = tuple(shard.ids[row] for shard, kept in held for row in kept)
        self.digest = hashlib.sha256("\n".join((spec_digest, *self.ids)).encode()).hexdigest()

    @functools.cached_property
    def row_of(self) -> dict[str, int]:
        """Storage row of each id."""
        return {identity: row for row, identity in enumerate(self.ids)}

    def arrays(self) -> list[np.ndarray]:
        """Memory-mapped pieces that make up the whole: each (n, P, D) in the stored type.

        Of a shard that is read in part, a copy.
        """
        pieces = []
        for index, (shard, rows) in enumerate(zip(self._shards, self._rows, strict=True)):
            piece = self._open(index)
            pieces.append(piece if len(rows) == len(shard.ids) else piece[rows])
        return pieces

    def read(
        self, rows: Iterable[int], opened: dict[int, np.ndarray] | None = None
    ) -> torch.Tensor:
        """The rows' arrays on the device: patches (B, P, D) float32, pixels (B, 3, H, W) uint8.

        `opened` keeps pieces open between the calls of one that reads row after row.
        """
        array = self.stored(rows, opened)
        return array.float() if array.is_floating_point() else array

    def stored(
        self, rows: Iterable[int], opened: dict[int, np.ndarray] | None = None
    ) -> torch.Tensor:
        """The same in the type that is stored: patches float16."""
        import torch

        # Otherwise for this call only: kept longer, they would fill memory.
        opened = {} if opened is None else opened
        parts = []
        for row in rows:
            if not 0 <= row < len(self.ids):
                raise IndexError(f"there is no row {row}: {len(self.ids)} images are stored")
            piece = bisect.bisect_right(self._ends, row)
            if piece not in opened:
                opened[piece] = np.asarray(self._open(piece))
            kept = self._rows[piece]
            parts.append(opened[piece][kept[row - self._ends[piece] + len(kept)]])
        return torch.from_numpy(np.stack(parts)).to(self._device)

    def find(self, rows: Sequence[int]) -> tuple[torch.Tensor, Sequence[int]]:
        """An array (N, P, D) in the stored type, and where in it the rows are.

        Nothing is read for that, where one memory-mapped piece holds them all.
        """
        import torch

        pieces = {bisect.bisect_right(self._ends, row) for row in rows}
        if len(pieces) > 1 or self._device.type != "cpu":
            return self.stored(rows), range(len(rows))
        (piece,) = pieces
        kept = self._rows[piece]
        start = self._ends[piece] - len(kept)
        with warnings.catch_warnings():  # torch warns of arrays that must not be written to
            warnings.simplefilter("ignore", UserWarning)
            return torch.from_numpy(self._open(piece)), [kept[row - start] for row in rows]

    def _open(self, piece: int) -> np.ndarray:
        try:
            return self._store.read(self._shards[piece])
        except (OSError, ValueError) as error:
            raise CadbenchError(
                f"cached features vanished during the run ({self._store.folder}); run the same "
                "command again to make them anew"
            ) from error
