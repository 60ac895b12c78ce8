"""Disk cache of distance tables, so that later runs and other processes share them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ....results.storage.files import seal, unseal, write_bytes
from ...interface.memory_block import Block
from ...system.cache.last_use import mark_used
from ...system.reporting import Reporter, Silent, damaged_cache_warning
from ...system.serialization import pack, unpack
from .distance_table import DistanceTable


@dataclass
class DistanceStore:
    """Distance tables in files, one per block, in a folder per kind of features.

    If two processes write the same table, the later one replaces the earlier one. Missing and
    damaged files are computed again. When the budget is exceeded, the files that were read or
    written longest ago are removed.

    Attributes:
        folder: the folder of the features; its siblings are those of other features.
        budget: bytes of all these folders together.
        reporter: receives warnings of damaged files.
    """

    folder: Path
    budget: int
    reporter: Reporter = field(default_factory=Silent, repr=False)

    def load(self, block: Block) -> DistanceTable | None:
        """Return the stored table of a block; None if there is none."""
        path = self.folder / block.digest
        content = unseal(path, damaged_cache_warning(self.reporter))
        if content is None:
            return None
        mark_used(path)
        return DistanceTable.from_arrays(block, unpack(content))

    def save(self, tables: Mapping[str, DistanceTable]) -> None:
        """Write tables, given by the digest of their block."""
        for digest, table in tables.items():
            content = seal(pack(table.to_arrays()))
            if len(content) <= self.budget:
                write_bytes(self.folder / digest, content)
            table.changed = False
        self._evict()

    def _evict(self) -> None:
        """Remove the files used longest ago; other processes may do so at the same time."""
        files = []
        for path in self.folder.parent.glob("*/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self.budget:
                return
            path.unlink(missing_ok=True)
            total -= size
