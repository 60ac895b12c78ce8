"""Size and content hash of image files, each decoded once and remembered while unchanged."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ....results.errors import CadbenchError, DataError
from ....results.storage.files import whole_file
from ...system.processes import map_in_processes
from ...system.reporting import Reporter, damaged_cache_warning
from .decoding import UnreadableImage, content_hash, decode, decode_mask

VERSION = 1
"""Raised when decoding or the content hash changes, so that what was remembered is dropped."""

_CHUNK = 16
_FEW = 64  # decoded here: starting workers would take longer
_SAVE_EVERY = 60.0  # seconds: what a killed process loses at most
_NAMED = 10  # unreadable files that get a line each
_ROWS = 4096  # encoded at once, so that saving needs little memory beside them


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
    stamps: dict[str, _Stamp] = {}  # of the files that have to be read
    folder = str(root)  # no `Path` a file: it would take longer than the file's status

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

    for path in files:
        try:
            stamp = _stamp(os.path.join(folder, path))
        except OSError as error:
            take(path, error.strerror or str(error))
            continue
        remembered = memory.get(path, stamp)
        if remembered is None:
            stamps[path] = stamp
        else:
            take(path, remembered)
    if not stamps:
        return facts, skipped
    try:
        with reporter.task("reading images", len(stamps), "images") as task:
            for inspected in map_in_processes(
                _inspect_chunk,
                _chunks(root, ((path, files[path]) for path in list(stamps))),
                workers=0 if len(stamps) <= _FEW else workers,
            ):
                for path, found in inspected:
                    stamp = stamps.pop(path)
                    if isinstance(found, Facts):
                        memory.put(path, stamp, found)
                    take(path, found)
                task.advance(len(inspected))
                memory.save_now_and_then()
    except BaseException:
        with contextlib.suppress(CadbenchError):  # the first reason is the one to hear
            memory.save()
        raise
    memory.save()
    return facts, skipped


def warn_of_skipped(skipped: Sequence[Skipped], reporter: Reporter) -> None:
    """A warning for each of a few; of many the first ones, the rest for those who want detail."""
    many = len(skipped) > _NAMED
    for number, each in enumerate(skipped):
        say = reporter.detail if many and number >= _NAMED else reporter.warn
        say(f"left out {each.path}: {each.reason}")
    if many:
        reporter.warn(
            f"left out {len(skipped) - _NAMED} more unreadable files; `cadbench run -v` names them"
        )


def _stamp(path: str) -> _Stamp:
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


def _chunks(root: Path, files: Iterator[tuple[str, bool]]) -> Iterator[_Chunk]:
    while chunk := tuple(itertools.islice(files, _CHUNK)):
        yield _Chunk(root, chunk)


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
        checksum = hashlib.sha256()
        with whole_file(self._file) as partial, open(partial, "wb") as handle:
            handle.write(checksum.hexdigest().encode() + b"\n")  # its place, until it is known
            for part in _encoded(self._rows):
                checksum.update(part)
                handle.write(part)
            handle.seek(0)
            handle.write(checksum.hexdigest().encode())
        self._changed = False


def _encoded(rows: dict[str, list[int | str]]) -> Iterator[bytes]:
    yield f'{{"version":{VERSION},"files":{{'.encode()
    left = iter(rows.items())
    comma = ""
    while some := dict(itertools.islice(left, _ROWS)):
        yield (comma + json.dumps(some, separators=(",", ":"))[1:-1]).encode()
        comma = ","
    yield b"}}"


def _load_rows(file: Path, reporter: Reporter) -> dict[str, list[int | str]]:
    try:
        with open(file, "rb") as handle:
            checksum, body = handle.readline(), handle.read()
    except FileNotFoundError:
        return {}
    except OSError:
        checksum, body = b"", b""
    if checksum != hashlib.sha256(body).hexdigest().encode() + b"\n":
        damaged_cache_warning(reporter)(file)
        return {}
    remembered = json.loads(body)
    rows: dict[str, list[int | str]] = remembered["files"]
    return rows if remembered["version"] == VERSION else {}
