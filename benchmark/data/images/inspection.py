"""Determine size and content hash of a dataset's files, decoding each changed file once."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ....results.errors import CadbenchError, DataError
from ...system.processes import map_in_processes
from ...system.reporting import Reporter
from ..item import Oddity
from .decoding import (
    FULL_DEPTH,
    UnreadableImage,
    as_8_bit,
    content_hash,
    count_levels,
    load_stored,
)
from .image_facts import FactsCache, FileStamp, ImageFacts
from .masks import decode_mask

_CHUNK = 16
_FEW = 64  # decoded in this process: starting workers would take longer
_FEW_LEVELS = 64  # of the 256 levels of gray that a decoded image may have


@dataclass(frozen=True)
class SkippedFile:
    """An unreadable file that was left out: its path relative to the root, the reason, and the
    category that it belongs to."""

    path: str
    reason: str
    category: str = ""


@dataclass(frozen=True)
class _Job:
    path: str
    is_mask: bool
    bits: int


@dataclass(frozen=True)
class _Chunk:
    root: Path
    jobs: tuple[_Job, ...]


def inspect_images(
    root: Path,
    files: Mapping[str, bool],
    *,
    bits: Mapping[str, int] | None = None,
    skip_unreadable: bool,
    cache: Path | None,
    workers: int | None,
    reporter: Reporter,
) -> tuple[dict[str, ImageFacts], list[SkippedFile]]:
    """Determine the facts of every file, from the cache or by decoding it.

    Decoded images stay in the workers, so memory use does not depend on their size. Finished work
    is cached even if an unreadable file or an interrupt ends the call.

    Args:
        root: the dataset's folder.
        files: relative path -> whether it is a mask.
        bits: relative path -> bits of a sample that hold values, for 16-bit images whose sensor has
            fewer; facts of a path that is not in it are those of any number of bits.
        skip_unreadable: return unreadable files instead of raising an error.
        cache: the cache folder; None to decode every file and store nothing.
        workers: number of processes; None for one per core, 0 to decode in this process.
        reporter: receives the progress.

    Returns:
        The facts by relative path, and the unreadable files.

    Raises:
        DataError: a file is unreadable and `skip_unreadable` is False.
    """
    facts_cache = FactsCache(root, cache, reporter)
    facts: dict[str, ImageFacts] = {}
    skipped: list[SkippedFile] = []
    to_decode: dict[str, FileStamp] = {}
    bits = bits or {}
    folder = str(root)  # creating a `Path` per file would take longer than its `os.stat`

    def add(path: str, result: ImageFacts | str) -> None:
        """Add facts, or the reason why the file is unreadable."""
        if isinstance(result, ImageFacts):
            facts[path] = result
        elif skip_unreadable:
            skipped.append(SkippedFile(path, result))
        else:
            raise DataError(
                f"cannot read {root / path}: {result}; replace the file, or leave it out with "
                "--skip-unreadable"
            )

    for path in files:
        try:
            stamp = _stamp(os.path.join(folder, path))
        except OSError as error:
            add(path, error.strerror or str(error))
            continue
        cached = facts_cache.get(path, stamp)
        if (
            cached is None
            or cached.is_mask != files[path]
            or cached.bits != bits.get(path, cached.bits)
        ):
            to_decode[path] = stamp
        else:
            add(path, cached)
    if not to_decode:
        return facts, skipped
    try:
        with reporter.task("reading images", len(to_decode), "images") as task:
            for results in map_in_processes(
                _inspect_chunk,
                _chunks(
                    root,
                    (
                        _Job(path, files[path], bits.get(path, FULL_DEPTH))
                        for path in list(to_decode)
                    ),
                ),
                workers=0 if len(to_decode) <= _FEW else workers,
            ):
                for path, result in results:
                    stamp = to_decode.pop(path)
                    if isinstance(result, ImageFacts):
                        facts_cache.put(path, stamp, result)
                    add(path, result)
                task.advance(len(results))
                facts_cache.save_if_due()
    except BaseException:
        with contextlib.suppress(CadbenchError):  # report the first error, not one of saving
            facts_cache.save()
        raise
    facts_cache.save()
    return facts, skipped


def _stamp(path: str) -> FileStamp:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not a regular file")
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _inspect_chunk(chunk: _Chunk) -> list[tuple[str, ImageFacts | str]]:
    return [(job.path, _inspect(chunk.root / job.path, job)) for job in chunk.jobs]


def _inspect(path: Path, job: _Job) -> ImageFacts | str:
    """The facts of a file, or the reason why it is unreadable."""
    try:
        return _mask_facts(path) if job.is_mask else _image_facts(path, job.bits)
    except UnreadableImage as error:
        return error.reason


def _mask_facts(path: Path) -> ImageFacts:
    mask = decode_mask(path)
    height, width = mask.pixels.shape
    return ImageFacts(
        width,
        height,
        content_hash(mask.pixels),
        is_mask=True,
        coverage=float(mask.pixels.mean()),
        oddities=mask.oddities,
    )


def _image_facts(path: Path, bits: int) -> ImageFacts:
    stored = load_stored(path)
    pixels = as_8_bit(stored.samples, bits)
    height, width = pixels.shape[:2]
    oddities = []
    if stored.orientation != 1:
        oddities.append(Oddity("turned", stored.orientation))
    if stored.pages > 1:
        oddities.append(Oddity("pages", stored.pages))
    top = -1
    if stored.samples.dtype != pixels.dtype:
        top = int(stored.samples.max())
        if bits < FULL_DEPTH:
            oddities.append(Oddity("depth", bits))
        kept = count_levels(pixels)
        if kept < _FEW_LEVELS and 2 * kept <= count_levels(stored.samples):
            oddities.append(Oddity("levels", kept))
    return ImageFacts(
        width,
        height,
        content_hash(pixels),
        orientation=stored.orientation,
        top=top,
        bits=bits,
        oddities=tuple(oddities),
    )


def _chunks(root: Path, jobs: Iterator[_Job]) -> Iterator[_Chunk]:
    while chunk := tuple(itertools.islice(jobs, _CHUNK)):
        yield _Chunk(root, chunk)
