"""Caches and messages of the libraries: their files are below `CADBENCH_CACHE`."""

from __future__ import annotations

import atexit
import functools
import logging
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

from .cache import cache_root


def set_library_caches() -> None:
    """Put the caches of numba and matplotlib below the cache folder of cadbench.

    Their defaults are next to the installed files and in the home folder, and both may be
    read-only. Each user has a folder, since these libraries cannot share one; it is a temporary one
    where the cache cannot be written. Environment variables that are already set are kept.
    """
    os.environ.setdefault("MPLCONFIGDIR", str(_own_folder() / "matplotlib"))
    set_numba_cache()


def set_numba_cache() -> None:
    """Put the cache of numba there, also for worker processes and if numba is imported already."""
    if "NUMBA_CACHE_DIR" not in os.environ:
        os.environ["NUMBA_CACHE_DIR"] = str(_own_folder() / "numba")
        if numba := sys.modules.get("numba"):
            numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]


def _own_folder() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = cache_root() / f"libraries-{user}"
    existing = next(up for up in (folder, *folder.parents) if os.path.exists(up))
    return folder if os.access(existing, os.W_OK | os.X_OK) else _temporary_folder()


@functools.cache
def _temporary_folder() -> Path:
    """A folder for this process and its workers, where the cache belongs to another user."""
    folder = tempfile.mkdtemp(prefix="cadbench-libraries-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def silence_libraries() -> None:
    """Keep warnings and log lines of libraries from standard error, also in worker processes.

    `CADBENCH_DEBUG=1`, `python -W` and `PYTHONWARNINGS` show them.
    """
    if os.environ.get("CADBENCH_DEBUG") or sys.warnoptions:
        return
    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"
    logging.lastResort = logging.NullHandler()
