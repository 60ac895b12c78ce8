"""Neighbor distances on disk, so that later runs and other processes share them too."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ....results.storage.files import seal, unseal, write_bytes
from ...system.reporting import Reporter, Silent, damaged_cache_warning
from ...system.serialization import pack, unpack
from .distance_table import Known


@dataclass
class DistanceStore:
    """A file for each block, in a folder for features of one kind beside others of its sort.

    A file holds what was known when it was written last; where two processes write one, the later
    stays. Whatever is lost or damaged is computed again. All folders together hold at most `budget`
    bytes: the files that were read or written longest ago go first.
    """

    folder: Path
    budget: int
    reporter: Reporter = field(default_factory=Silent, repr=False)

    def load(self, digest: str, into: Known) -> None:
        """Add to an empty `into` what is kept of its block."""
        path = self.folder / digest
        content = unseal(path, damaged_cache_warning(self.reporter))
        if content is not None:
            with contextlib.suppress(OSError):
                os.utime(path)
            into.restore(unpack(content))

    def save(self, blocks: Mapping[str, Known]) -> None:
        """Replace what is kept of blocks, by their digests."""
        for digest, known in blocks.items():
            content = seal(pack(known.as_kept()))
            if len(content) <= self.budget:
                write_bytes(self.folder / digest, content)
            known.changed = False
        self._make_room()

    def _make_room(self) -> None:
        """Remove the files used longest ago; others may do so at the same time."""
        files = []
        for path in self.folder.parent.glob("*/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        size = sum(count for _, count, _ in files)
        for _, count, path in sorted(files):
            if size <= self.budget:
                return
            path.unlink(missing_ok=True)
            size -= count
