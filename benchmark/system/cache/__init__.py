"""The shared cache folder: where it is, what it contains, who uses it, and how it is pruned."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """`CADBENCH_CACHE`, or the user's cache folder for cadbench. It can be deleted at any time."""
    chosen = os.environ.get("CADBENCH_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("cadbench", appauthor=False)
