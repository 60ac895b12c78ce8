"""Read the patch embeddings (or images) of one category and split from the feature cache."""

from __future__ import annotations

import bisect
import functools
import hashlib
import warnings
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ....results.errors import CadbenchError
from .shards import Shard, ShardStore

if TYPE_CHECKING:
    import torch


class DeviceCache:
    """Arrays that stay on a device after they were read, the latest used ones within a budget."""

    def __init__(self, budget: int) -> None:
        """Make an empty cache of at most `budget` bytes."""
        self.budget = budget
        self._tensors: OrderedDict[str, torch.Tensor] = OrderedDict()

    def get(
        self, digest: str, nbytes: int, read: Callable[[], torch.Tensor]
    ) -> torch.Tensor | None:
        """Return an array.

        Args:
            digest: name of the array.
            nbytes: its size.
            read: reads it to the device if it is not cached.

        Returns:
            The array; None if it is larger than the budget.
        """
        if digest in self._tensors:
            self._tensors.move_to_end(digest)
            return self._tensors[digest]
        if nbytes > self.budget:
            return None
        used = sum(tensor.nbytes for tensor in self._tensors.values())
        while used + nbytes > self.budget:
            used -= self._tensors.popitem(last=False)[1].nbytes
        self._tensors[digest] = read()
        return self._tensors[digest]


class CachedPatchSource:
    """Patches (or pixels) of some images in the cache; implements `interface.PatchSource`.

    Nothing in it leads to an image's file, its label or its mask.

    Attributes:
        ids: (B,) content hashes of the images, in storage order.
        digest: content address of features and images.
    """

    def __init__(
        self,
        store: ShardStore,
        shards: Sequence[Shard],
        spec_digest: str,
        device: torch.device,
        only: Collection[str] | None = None,
        device_cache: DeviceCache | None = None,
        by_id: bool = False,
    ) -> None:
        """Describe a source; arrays are read when they are used.

        Args:
            store: where the shards are stored.
            shards: the shards of the images.
            spec_digest: content address of the features, without the images.
            device: where arrays are read to.
            only: ids of the images to include; None: all images of the shards.
            device_cache: keeps all arrays of the source on the device after the first use.
            by_id: sort images by id over all shards, so that their order does not tell in which
                shard, and so in which split of the dataset, an image is.
        """
        self._store = store
        if by_id:
            places = {i: (s, [r]) for s in shards for r, i in enumerate(s.ids)}
            included = [places[i] for i in sorted(places) if only is None or i in only]
        else:
            rows = [[r for r, i in enumerate(s.ids) if only is None or i in only] for s in shards]
            included = [(shard, kept) for shard, kept in zip(shards, rows, strict=True) if kept]
        self._shards = tuple(shard for shard, _ in included)
        self._rows = tuple(kept for _, kept in included)
        self._device = device
        self._device_cache = device_cache
        self._ends = np.cumsum([len(kept) for kept in self._rows]).tolist()
        self.ids = tuple(shard.ids[row] for shard, kept in included for row in kept)
        self.digest = hashlib.sha256("\n".join((spec_digest, *self.ids)).encode()).hexdigest()

    @functools.cached_property
    def row_of(self) -> dict[str, int]:
        """Storage row of each id."""
        return {identity: row for row, identity in enumerate(self.ids)}

    def arrays(self) -> list[np.ndarray]:
        """Return the arrays (n, P, D) in storage order, in the stored type.

        They are memory-mapped; shards of which only some images are included are copied.
        """
        pieces = []
        for index, (shard, rows) in enumerate(zip(self._shards, self._rows, strict=True)):
            piece = self._open(index)
            pieces.append(piece if len(rows) == len(shard.ids) else piece[rows])
        return pieces

    def read(
        self, rows: Iterable[int], opened: dict[int, np.ndarray] | None = None
    ) -> torch.Tensor:
        """Read rows to the device: patches (B, P, D) float32, or pixels (B, 3, H, W) uint8.

        Args:
            rows: storage rows.
            opened: open files to keep between calls, for callers that read row by row.
        """
        array = self.read_stored(rows, opened)
        return array.float() if array.is_floating_point() else array

    def read_stored(
        self, rows: Iterable[int], opened: dict[int, np.ndarray] | None = None
    ) -> torch.Tensor:
        """Like `read`, but in the stored type, which is float16 for patches."""
        import torch

        rows = list(rows)
        for row in rows:
            if not 0 <= row < len(self.ids):
                raise IndexError(f"there is no row {row}: {len(self.ids)} images are stored")
        if (everything := self._on_device()) is not None:
            return everything[torch.tensor(rows, device=everything.device)]
        # By default, files are closed after the call; otherwise they would fill memory.
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
        """Return an array (N, P, D) in the stored type and the indices of `rows` in it.

        Nothing is read if one memory-mapped file or the device cache contains all rows.
        """
        import torch

        if (everything := self._on_device()) is not None:
            return everything, rows
        pieces = {bisect.bisect_right(self._ends, row) for row in rows}
        if len(pieces) > 1 or self._device.type != "cpu":
            return self.read_stored(rows), range(len(rows))
        (piece,) = pieces
        kept = self._rows[piece]
        start = self._ends[piece] - len(kept)
        with warnings.catch_warnings():  # torch warns about read-only arrays
            warnings.simplefilter("ignore", UserWarning)
            array = self._open(piece, self._store.read_cached)
            return torch.from_numpy(array), [kept[row - start] for row in rows]

    def _on_device(self) -> torch.Tensor | None:
        """All arrays as one tensor in the device cache; None without one."""
        import torch

        if self._device_cache is None:
            return None

        def read() -> torch.Tensor:
            return torch.from_numpy(np.concatenate(self.arrays())).to(self._device)

        return self._device_cache.get(self.digest, self._nbytes, read)

    @functools.cached_property
    def _nbytes(self) -> int:
        return len(self.ids) * int(self._open(0)[0].nbytes)

    def _open(self, piece: int, read: Callable[[Shard], np.ndarray] | None = None) -> np.ndarray:
        try:
            return (read or self._store.read)(self._shards[piece])
        except (OSError, ValueError) as error:
            raise CadbenchError(
                f"cached features disappeared during the run ({self._store.folder}); run the same "
                "command again to extract them again"
            ) from error
