"""Shards: up to 32 images of one category and split, the unit of extraction and of the cache.

A shard's composition follows from its images' content alone, and it is computed as one piece, so
its numbers are the same bits whoever computes them, and a name or a label can change nothing.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...results.storage.files import whole_file
from ..data.item import Item

SHARD_SIZE = 32
_OPEN_BYTES = 128 * 1024 * 1024
"""Of files that stay open; what was read of them counts as memory of the process."""
_SEAL = b"cadbench"


@dataclass(frozen=True)
class Shard:
    """Some images: ids (n,) content hashes, sorted; digest: their content address."""

    ids: tuple[str, ...]

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join(self.ids).encode()).hexdigest()


def shards_of(items: Iterable[Item]) -> tuple[Shard, ...]:
    """The shards of a category's split; an image that occurs twice is stored once."""
    ids = sorted({item.content for item in items})
    return tuple(
        Shard(tuple(ids[start : start + SHARD_SIZE])) for start in range(0, len(ids), SHARD_SIZE)
    )


class ShardStore:
    """A folder of sealed arrays, one a shard, each written whole or not at all.

    A file is a `.npy` array followed by a CRC-32 of it, checked when a process first opens it. A
    file that is truncated or altered counts as absent and is made again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._checked: set[Path] = set()
        self._opened: OrderedDict[Shard, np.ndarray] = OrderedDict()

    def path(self, shard: Shard) -> Path:
        """Where the shard's array lies or will lie."""
        digest = shard.digest
        return self.folder / digest[:2] / f"{digest}.npy"

    def __contains__(self, shard: Shard) -> bool:
        path = self.path(shard)
        if path not in self._checked:
            if not _sealed(path):
                return False
            self._checked.add(path)
        return True

    def write(self, shard: Shard, array: np.ndarray) -> None:
        """Store `array`, whose first axis is the shard's images."""
        path = self.path(shard)
        with whole_file(path) as partial:
            with open(partial, "wb") as handle:
                np.save(handle, np.ascontiguousarray(array), allow_pickle=False)
            checksum = _checksum(partial)
            with open(partial, "ab") as handle:
                handle.write(checksum.to_bytes(4, "little") + _SEAL)
        self._checked.add(path)

    def read(self, shard: Shard) -> np.ndarray:
        """The stored array, memory-mapped and read-only."""
        array: np.ndarray = np.load(self.path(shard), mmap_mode="r", allow_pickle=False)
        return array

    def reread(self, shard: Shard) -> np.ndarray:
        """The same, left open for the next time, with the latest others."""
        if shard not in self._opened:
            self._opened[shard] = self.read(shard)
        self._opened.move_to_end(shard)
        size = sum(array.nbytes for array in self._opened.values())
        while size > _OPEN_BYTES and len(self._opened) > 1:
            size -= self._opened.popitem(last=False)[1].nbytes
        return self._opened[shard]


def _sealed(path: Path) -> bool:
    """Whether the file is whole: its last bytes are the checksum of all before them."""
    trailer = 4 + len(_SEAL)
    try:
        size = os.stat(path).st_size
        if size <= trailer:
            return False
        with open(path, "rb") as handle:
            handle.seek(size - trailer)
            end = handle.read(trailer)
        return end[4:] == _SEAL and int.from_bytes(end[:4], "little") == _checksum(
            path, size - trailer
        )
    except OSError:
        return False


def _checksum(path: Path, length: int | None = None) -> int:
    checksum = 0
    left = os.stat(path).st_size if length is None else length
    with open(path, "rb") as handle:
        while left:
            piece = handle.read(min(left, 1 << 22))
            if not piece:
                break
            checksum = zlib.crc32(piece, checksum)
            left -= len(piece)
    return checksum
