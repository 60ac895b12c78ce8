"""Shards: up to 32 images of one category and split, the unit of extraction and of the cache.

Which images form a shard depends only on their content, and a shard is computed at once. Its values
are therefore the same bits in every run, and names or labels cannot change them.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ....results.storage.files import read_error, whole_file
from ...data.item import Item
from ...system.cache.last_use import mark_used

SHARD_SIZE = 32
_OPEN_BYTES = 128 * 1024 * 1024
"""Bytes of memory-mapped files that stay open; the parts that are read count as process memory."""
_SEAL = b"cadbench"


@dataclass(frozen=True)
class Shard:
    """A group of images.

    Attributes:
        ids: (n,) content hashes of the images, sorted.
    """

    ids: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Content address of the shard."""
        return hashlib.sha256("\n".join(self.ids).encode()).hexdigest()


def shards_of(items: Iterable[Item]) -> tuple[Shard, ...]:
    """Divide the images of a category's split into shards; duplicates are stored once."""
    ids = sorted({item.content for item in items})
    return tuple(
        Shard(tuple(ids[start : start + SHARD_SIZE])) for start in range(0, len(ids), SHARD_SIZE)
    )


class ShardStore:
    """A folder with one array file per shard, each written completely or not at all.

    A file is a `.npy` array followed by its CRC-32, which is checked when a process first opens the
    file. A truncated or altered file counts as missing and is computed again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._verified: set[Path] = set()
        self._open_files: OrderedDict[Shard, np.ndarray] = OrderedDict()

    def path(self, shard: Shard) -> Path:
        """The file of a shard; it may not exist yet."""
        digest = shard.digest
        return self.folder / digest[:2] / f"{digest}.npy"

    def __contains__(self, shard: Shard) -> bool:
        path = self.path(shard)
        if path not in self._verified:
            mark_used(path)  # before the check: from now on, pruning keeps the file
            if not _is_complete(path):
                return False
            self._verified.add(path)
        return True

    def write(self, shard: Shard, array: np.ndarray) -> None:
        """Store the array (n, ...) of a shard with n images."""
        path = self.path(shard)
        with whole_file(path) as partial, open(partial, "wb") as handle:
            counted = _ChecksummedFile(handle)
            np.save(counted, np.ascontiguousarray(array), allow_pickle=False)
            handle.write(counted.checksum.to_bytes(4, "little") + _SEAL)
        self._verified.add(path)

    def read(self, shard: Shard) -> np.ndarray:
        """Open the array of a shard, memory-mapped and read-only."""
        array: np.ndarray = np.load(self.path(shard), mmap_mode="r", allow_pickle=False)
        return array

    def read_cached(self, shard: Shard) -> np.ndarray:
        """Like `read`, but keep the latest files open for the next call."""
        if shard not in self._open_files:
            self._open_files[shard] = self.read(shard)
        self._open_files.move_to_end(shard)
        size = sum(array.nbytes for array in self._open_files.values())
        while size > _OPEN_BYTES and len(self._open_files) > 1:
            size -= self._open_files.popitem(last=False)[1].nbytes
        return self._open_files[shard]


class _ChecksummedFile:
    """A file that is only written, with the CRC-32 of what was written."""

    def __init__(self, handle: BinaryIO) -> None:
        self.handle = handle
        self.checksum = 0

    def write(self, data: bytes) -> int:
        self.checksum = zlib.crc32(data, self.checksum)
        return self.handle.write(data)


def _is_complete(path: Path) -> bool:
    """Whether the last bytes of a file are the checksum of all before them."""
    trailer = 4 + len(_SEAL)
    try:
        size = os.stat(path).st_size
        if size <= trailer:
            return False
        with open(path, "rb") as handle:
            handle.seek(size - trailer)
            tail = handle.read(trailer)
        return tail[4:] == _SEAL and int.from_bytes(tail[:4], "little") == _checksum(
            path, size - trailer
        )
    except PermissionError as error:
        raise read_error(error, path) from error
    except OSError:
        return False


def _checksum(path: Path, length: int) -> int:
    """CRC-32 of the first `length` bytes of a file."""
    checksum = 0
    with open(path, "rb") as handle:
        while length and (piece := handle.read(min(length, 1 << 22))):
            checksum = zlib.crc32(piece, checksum)
            length -= len(piece)
    return checksum
