"""Size and content hash of image files, and the cache that stores them per dataset."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from ....results.storage.files import read_error, write_bytes
from ...system.cache.last_use import mark_used
from ...system.reporting import Reporter, damaged_cache_warning
from ..item import FULL_DEPTH, Oddity

VERSION = 2
"""Increased when decoding or the content hash changes, so that older cache files are ignored."""

_SAVE_EVERY = 60.0  # seconds: the most work that a killed process loses


class ImageFacts(NamedTuple):
    """What is known about an image or mask file after decoding it.

    Attributes:
        width, height: size in pixels, turned upright.
        content: content hash (`decoding.content_hash`) of the decoded pixels.
        is_mask: whether it was decoded as a mask.
        orientation: the EXIF orientation that was applied; 1 for none.
        top: the highest sample of a 16-bit image; -1 for other files.
        bits: bits of such samples that hold values, as assumed for `content`.
        coverage: fraction of a mask's pixels that are defective.
        oddities: what may change the meaning of metrics.
    """

    width: int
    height: int
    content: str
    is_mask: bool = False
    orientation: int = 1
    top: int = -1
    bits: int = FULL_DEPTH
    coverage: float = 0.0
    oddities: tuple[Oddity, ...] = ()

    @property
    def is_deep(self) -> bool:
        """Whether it is an image with 16-bit samples."""
        return self.top >= 0


class FileStamp(NamedTuple):
    """A file counts as unchanged while its stamp is.

    Archives and copies restore mtime; ctime is only set by the operating system.
    """

    size: int
    mtime_ns: int
    ctime_ns: int


class FactsCache:
    """Facts by path and stamp, in one file per root. A damaged file counts as absent.

    The file is a line with the SHA-256 of the rest, then JSON: path -> the stamp's values, then
    those of the facts. Saving replaces the file. If two processes save, the later one wins,
    and the facts of the other are computed again when they are next needed.
    """

    def __init__(self, root: Path, cache: Path | None, reporter: Reporter) -> None:
        """Load the cache file.

        Args:
            root: the dataset's folder.
            cache: the cache folder; None to store nothing.
            reporter: is warned about a damaged file.
        """
        name = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:32]
        self._file = None if cache is None else cache / "manifests" / f"{name}.json"
        self._rows: dict[str, list[Any]] = {}
        self._changed = False
        self._saved_at = time.monotonic()
        if self._file is not None:
            mark_used(self._file)
            self._rows = _load_rows(self._file, reporter)

    def get(self, path: str, stamp: FileStamp) -> ImageFacts | None:
        """The facts of a file; None if they are not stored or the file has changed."""
        row = self._rows.get(path)
        if row is None or row[: len(stamp)] != [*stamp]:
            return None
        facts = ImageFacts(*row[len(stamp) :])
        return facts._replace(oddities=tuple(Oddity(*each) for each in facts.oddities))

    def put(self, path: str, stamp: FileStamp, facts: ImageFacts) -> None:
        """Add the facts of a file, to be written by the next save."""
        self._rows[path] = [*stamp, *facts]
        self._changed = True

    def save_if_due(self) -> None:
        """Save if the last save was a minute ago."""
        if time.monotonic() - self._saved_at > _SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write the cache file if anything was added."""
        self._saved_at = time.monotonic()
        if self._file is None or not self._changed:
            return
        write_bytes(self._file, _encoded(self._rows))
        self._changed = False


def _encoded(rows: dict[str, list[Any]]) -> bytes:
    body = json.dumps({"version": VERSION, "files": rows}, separators=(",", ":")).encode()
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _load_rows(file: Path, reporter: Reporter) -> dict[str, list[Any]]:
    try:
        with open(file, "rb") as handle:
            checksum, body = handle.readline(), handle.read()
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise read_error(error, file) from error
    except OSError:
        checksum, body = b"", b""
    if checksum != hashlib.sha256(body).hexdigest().encode() + b"\n":
        damaged_cache_warning(reporter)(file)
        return {}
    stored = json.loads(body)
    rows: dict[str, list[Any]] = stored["files"]
    return rows if stored["version"] == VERSION else {}
