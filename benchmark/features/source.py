"""The stored arrays of one category and split, as methods and services read them."""

from __future__ import annotations

import bisect
import functools
import hashlib
import warnings
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...results.errors import CadbenchError
from .shards import Shard, ShardStore

if TYPE_CHECKING:
    import torch


class Resident:
    """Arrays that stay on a device once they are read, the latest used within `budget` bytes."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._held: OrderedDict[str, torch.Tensor] = OrderedDict()

    def get(
        self, digest: str, nbytes: int, read: Callable[[], torch.Tensor]
    ) -> torch.Tensor | None:
        """The array called `digest`, read where it is not held; None where it is too large."""
        if digest in self._held:
            self._held.move_to_end(digest)
            return self._held[digest]
        if nbytes > self.budget:
            return None
        held = sum(tensor.nbytes for tensor in self._held.values())
        while held + nbytes > self.budget:
            held -= self._held.popitem(last=False)[1].nbytes
        self._held[digest] = read()
        return self._held[digest]


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
        resident: Resident | None = None,
    ) -> None:
        """only: ids of the shards' images to be read, None: all; resident: where all stays once a
        part of it is asked for."""
        self._store = store
        rows = [[r for r, i in enumerate(s.ids) if only is None or i in only] for s in shards]
        held = [(shard, kept) for shard, kept in zip(shards, rows, strict=True) if kept]
        self._shards = tuple(shard for shard, _ in held)
        self._rows = tuple(kept for _, kept in held)
        self._device = device
        self._resident = resident
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

        rows = list(rows)
        for row in rows:
            if not 0 <= row < len(self.ids):
                raise IndexError(f"there is no row {row}: {len(self.ids)} images are stored")
        if (whole := self._whole()) is not None:
            return whole[torch.tensor(rows, device=whole.device)]
        # Otherwise for this call only: kept longer, they would fill memory.
        opened = {} if opened is None else opened
        parts = []
        for row in rows:
            piece = bisect.bisect_right(self._ends, row)
            if piece not in opened:
                opened[piece] = np.asarray(self._open(piece))
            kept = self._rows[piece]
            parts.append(opened[piece][kept[row - self._ends[piece] + len(kept)]])
        return torch.from_numpy(np.stack(parts)).to(self._device)

    def find(self, rows: Sequence[int]) -> tuple[torch.Tensor, Sequence[int]]:
        """An array (N, P, D) in the stored type, and where in it the rows are.

        Nothing is read for that, where one memory-mapped piece holds them all, or the device.
        """
        import torch

        if (whole := self._whole()) is not None:
            return whole, rows
        pieces = {bisect.bisect_right(self._ends, row) for row in rows}
        if len(pieces) > 1 or self._device.type != "cpu":
            return self.stored(rows), range(len(rows))
        (piece,) = pieces
        kept = self._rows[piece]
        start = self._ends[piece] - len(kept)
        with warnings.catch_warnings():  # torch warns of arrays that must not be written to
            warnings.simplefilter("ignore", UserWarning)
            array = self._open(piece, self._store.reread)
            return torch.from_numpy(array), [kept[row - start] for row in rows]

    def _whole(self) -> torch.Tensor | None:
        """All arrays in one that stays on the device, where such are held."""
        import torch

        if self._resident is None:
            return None

        def read() -> torch.Tensor:
            return torch.from_numpy(np.concatenate(self.arrays())).to(self._device)

        return self._resident.get(self.digest, self._nbytes, read)

    @functools.cached_property
    def _nbytes(self) -> int:
        return len(self.ids) * int(self._open(0)[0].nbytes)

    def _open(self, piece: int, read: Callable[[Shard], np.ndarray] | None = None) -> np.ndarray:
        try:
            return (read or self._store.read)(self._shards[piece])
        except (OSError, ValueError) as error:
            raise CadbenchError(
                f"cached features vanished during the run ({self._store.folder}); run the same "
                "command again to make them anew"
            ) from error
