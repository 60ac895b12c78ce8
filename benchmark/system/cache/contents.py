"""The entries of the cache by kind: what can be deleted and computed again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from .last_use import FOLDER as PROCESSES

_FOLDERS: Mapping[str, str] = MappingProxyType(
    {
        "features": "features",
        "pixels": "pixels",
        "coresets": "coresets",
        "distances": "distances",
        "manifests": "manifests",
        "masks": "masks",
        "looks": "fingerprints",
        "tuning": "tuning",
    }
)
"""Folder of the cache -> kind. Each file in such a folder is an entry."""

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "features": "patch embeddings",
        "pixels": "images for methods on images",
        "coresets": "selected patches, centroids",
        "distances": "distances (--keep-distances)",
        "manifests": "sizes and hashes of images",
        "masks": "ground truth of test images",
        "fingerprints": "of `data preview` in release 0.1",
        "tuning": "AUROC of the trials of --tune",
        "synthetic": "the synthetic images",
        "libraries": "of numba and matplotlib",
        "leftovers": "files of killed processes",
    }
)
"""Kind -> what its entries contain."""

_SYNTHETIC = re.compile(r"synthetic-v\d+")
_PARTIAL = ".partial"
_LIBRARIES = "libraries-"
"""A folder per user: see `library_caches`. Its files are not marked when they are used."""


@dataclass(frozen=True)
class CacheEntry:
    """The unit that is computed and deleted: a file, or the folder of the synthetic images.

    Attributes:
        kind: a key of `KINDS`.
        path: the file or folder.
        size: bytes.
        files: number of files.
        used: time of the last use, in seconds since the epoch.
    """

    kind: str
    path: Path
    size: int
    files: int
    used: float


def list_entries(cache: Path) -> list[CacheEntry]:
    """Every entry of the cache, the last used ones last.

    Lock files, and files that cadbench does not know, are not entries.
    """
    return sorted(_cached(cache), key=lambda entry: (entry.used, entry.path))


def read_entry(kind: str, path: Path) -> CacheEntry:
    """Size and last use of an entry as they are now.

    Raises:
        OSError: another process has deleted it.
    """
    status = os.stat(path)
    if not path.is_dir():
        return CacheEntry(kind, path, status.st_size, 1, status.st_mtime)
    sizes = [inner.stat().st_size for inner in path.rglob("*") if inner.is_file()]
    return CacheEntry(kind, path, sum(sizes), len(sizes), status.st_mtime)


def hub_folder() -> Path:
    """The folder in which the Hugging Face client caches weights; other programs use it too."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    hugging_face = Path(os.environ.get("HF_HOME") or home / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or hugging_face / "hub").expanduser()


def hub_weights_size() -> int:
    """Bytes of the weights of timm models that the Hugging Face client has downloaded."""
    models = hub_folder().glob("models--timm--*/blobs/*")
    return sum(file.stat().st_size for file in models if file.is_file())


def _cached(cache: Path) -> Iterator[CacheEntry]:
    try:
        names = sorted(os.listdir(cache))
    except OSError:
        return
    for name in names:
        path = cache / name
        if name == PROCESSES:
            continue
        if name in _FOLDERS:
            yield from _files(_FOLDERS[name], path)
        elif name.startswith(_LIBRARIES):
            yield from _files("libraries", path)
        elif path.is_dir() and _SYNTHETIC.fullmatch(name):
            yield from _existing("synthetic", path)
        elif path.is_dir() and _SYNTHETIC.match(name) and name.endswith(_PARTIAL):
            yield from _existing("leftovers", path)


def _files(kind: str, root: Path) -> Iterator[CacheEntry]:
    for folder, _, files in os.walk(root):
        for name in files:
            partial = name.startswith(".") and name.endswith(_PARTIAL)
            yield from _existing("leftovers" if partial else kind, Path(folder, name))


def _existing(kind: str, path: Path) -> Iterator[CacheEntry]:
    try:
        yield read_entry(kind, path)
    except OSError:  # another process has deleted it since the folder was listed
        return
