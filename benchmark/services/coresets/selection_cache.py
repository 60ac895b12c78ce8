"""Disk cache of coreset selections and centroids: small arrays in checksummed files."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....results.storage.files import seal, unseal, write_bytes
from ...system.cache.last_use import mark_used
from ...system.reporting import Reporter, damaged_cache_warning

NO_ROWS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class SelectionCache:
    """Arrays in the files `<key>.npy` of a folder.

    A damaged file is reported and treated as missing. Without a folder nothing is stored.
    """

    folder: Path | None
    reporter: Reporter

    def load(self, key: str) -> np.ndarray | None:
        """Return the array of a key; None if it is missing or damaged."""
        path = self._path(key)
        content = unseal(path, damaged_cache_warning(self.reporter)) if path else None
        if content is None:
            return None
        if path is not None:
            mark_used(path)
        array: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
        return array

    def save(self, key: str, array: np.ndarray) -> None:
        """Write the array of a key, replacing an earlier one."""
        path = self._path(key)
        if path is not None:
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            write_bytes(path, seal(buffer.getvalue()))

    def load_or_compute(self, key: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the array of a key; compute and save it if it is missing."""
        array = self.load(key)
        if array is None:
            array = compute()
            self.save(key, array)
        return array

    def load_rows(self, key: str, total: int) -> np.ndarray:
        """Return a selection of row indices below `total`; empty if there is no valid one."""
        rows = self.load(key)
        if rows is None or rows.ndim != 1 or rows.dtype != np.int64 or not len(rows):
            return NO_ROWS
        return rows if rows.min() >= 0 and rows.max() < total else NO_ROWS

    def _path(self, key: str) -> Path | None:
        return self.folder / f"{key}.npy" if self.folder else None
