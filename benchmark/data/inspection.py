"""Size and content hash of image files, each decoded once and remembered while unchanged."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmark.data.decoding import UnreadableImage, content_hash, decode, decode_mask
from benchmark.reporting import Reporter, made_anew
from benchmark.workers import in_order
from results.errors import CadbenchError, DataError
from results.files import write_bytes

VERSION = 1
"""Raised when decoding or the content hash changes, so that what was remembered is dropped."""

_CHUNK = 16
_FEW = 64  # decoded here: starting workers would take longer
_SAVE_EVERY = 60.0  # seconds: what a killed process loses at most


class Facts(NamedTuple):
    """What is known of a file; content: hash of its pixels."""

    width: int
    height: int
    content: str


@dataclass(frozen=True)
class Skipped:
    """An unreadable file that was left out: path relative to the root, and why."""

    path: str
    reason: str


class _Stamp(NamedTuple):
    """A file is taken as unchanged while these are.

    Archives and copies set mtime to what it once was; ctime is set by the system alone.
    """

    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True)
class _Chunk:
    root: Path
    files: tuple[tuple[str, bool], ...]  # relative path, whether it is a mask


def inspect(
    root: Path,
    files: Mapping[str, bool],
    *,
    skip_unreadable: bool,
    cache: Path | None,
    workers: int | None,
    reporter: Reporter,
) -> tuple[dict[str, Facts], list[Skipped]]:
    """The facts of every file by relative path, and the unreadable files if they may be skipped.

    files: relative path -> whether it is a mask; cache: the folder that remembers, None for none.
    Decoded images never leave the workers, so memory does not grow with their size. What is done
    is remembered even where an unreadable file or an interrupt ends the work.
    """
    memory = _Memory(root, cache, reporter)
    facts: dict[str, Facts] = {}
    skipped: list[Skipped] = []
    stamps: dict[str, _Stamp] = {}

    def take(path: str, found: Facts | str) -> None:
        if isinstance(found, Facts):
            facts[path] = found
        elif skip_unreadable:
            skipped.append(Skipped(path, found))
        else:
            raise DataError(
                f"cannot read {root / path}: {found}; replace the file, or leave it out with "
                "--skip-unreadable"
            )

    unknown: list[tuple[str, bool]] = []
    for path, is_mask in files.items():
        try:
            stamps[path] = _stamp(root / path)
        except OSError as error:
            take(path, error.strerror or str(error))
            continue
        remembered = memory.get(path, stamps[path])
        if remembered is None:
            unknown.append((path, is_mask))
        else:
            take(path, remembered)
    if not unknown:
        return facts, skipped
    try:
        with reporter.task("reading images", len(unknown), "images") as task:
            for inspected in in_order(
                _inspect_chunk,
                _chunks(root, unknown),
                workers=0 if len(unknown) <= _FEW else workers,
            ):
                for path, found in inspected:
                    if isinstance(found, Facts):
                        memory.put(path, stamps[path], found)
                    take(path, found)
                task.advance(len(inspected))
                memory.save_now_and_then()
    except BaseException:
        with contextlib.suppress(CadbenchError):  # the first reason is the one to hear
            memory.save()
        raise
    memory.save()
    return facts, skipped


def _stamp(path: Path) -> _Stamp:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not a regular file")
    return _Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _inspect_chunk(chunk: _Chunk) -> list[tuple[str, Facts | str]]:
    return [(path, _inspect(chunk.root / path, is_mask)) for path, is_mask in chunk.files]


def _inspect(path: Path, is_mask: bool) -> Facts | str:
    try:
        pixels = decode_mask(path) if is_mask else decode(path)
    except UnreadableImage as error:
        return error.reason
    height, width = pixels.shape[:2]
    return Facts(width, height, content_hash(pixels))


def _chunks(root: Path, files: list[tuple[str, bool]]) -> Iterator[_Chunk]:
    for start in range(0, len(files), _CHUNK):
        yield _Chunk(root, tuple(files[start : start + _CHUNK]))


class _Memory:
    """Facts by path and stamp, in one file for each root; a damaged file counts as absent.

    The file is a line with the SHA-256 of the rest, then JSON: path -> [size, mtime_ns, ctime_ns,
    width, height, content]. It is replaced as a whole, so of two processes at once the later one
    wins, and the other's files are read again some day.
    """

    def __init__(self, root: Path, cache: Path | None, reporter: Reporter) -> None:
        name = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:32]
        self._file = None if cache is None else cache / "manifests" / f"{name}.json"
        self._rows: dict[str, list[int | str]] = {}
        self._changed = False
        self._saved_at = time.monotonic()
        if self._file is not None:
            self._rows = _load_rows(self._file, reporter)

    def get(self, path: str, stamp: _Stamp) -> Facts | None:
        match self._rows.get(path):
            case [*known, int(width), int(height), str(content)] if known == [*stamp]:
                return Facts(width, height, content)
        return None

    def put(self, path: str, stamp: _Stamp, facts: Facts) -> None:
        self._rows[path] = [*stamp, *facts]
        self._changed = True

    def save_now_and_then(self) -> None:
        if time.monotonic() - self._saved_at > _SAVE_EVERY:
            self.save()

    def save(self) -> None:
        self._saved_at = time.monotonic()
        if self._file is None or not self._changed:
            return
        body = json.dumps({"version": VERSION, "files": self._rows}, separators=(",", ":")).encode()
        write_bytes(self._file, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        self._changed = False


def _load_rows(file: Path, reporter: Reporter) -> dict[str, list[int | str]]:
    try:
        checksum, _, body = file.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return {}
    except OSError:
        checksum, body = b"", b""
    if checksum != hashlib.sha256(body).hexdigest().encode():
        made_anew(reporter)(file)
        return {}
    remembered = json.loads(body)
    rows: dict[str, list[int | str]] = remembered["files"]
    return rows if remembered["version"] == VERSION else {}
