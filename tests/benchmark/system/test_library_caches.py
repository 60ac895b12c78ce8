"""Where numba and matplotlib keep their caches."""

from __future__ import annotations

import os
from pathlib import Path

import numba
import pytest
from cadbench.benchmark.system import library_caches


def test_the_libraries_get_a_temporary_folder_where_the_cache_belongs_to_another_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CADBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(numba.config, "CACHE_DIR", numba.config.CACHE_DIR)
    mine = tmp_path / f"libraries-{os.getuid()}"
    for writable in (True, False):
        monkeypatch.setattr(os, "access", lambda *_, allowed=writable: allowed)
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
        library_caches.set_numba_cache()
        folder = Path(os.environ["NUMBA_CACHE_DIR"])
        assert (folder.parent == mine) == writable
    assert folder.parent.is_dir()
    assert not list(tmp_path.iterdir())
