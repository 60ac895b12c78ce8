"""Determine size and content hash of a dataset's files, decoding each changed file once."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ....results.counts import format_count
from ....results.errors import CadbenchError, DataError
from ...system.processes import map_in_processes
from ...system.reporting import Reporter
from .decoding import UnreadableImage, content_hash, decode, decode_mask
from .image_facts import FactsCache, FileStamp, ImageFacts

_CHUNK = 16
_FEW = 64  # decoded in this process: starting workers would take longer
_MAX_WARNINGS = 10  # unreadable files that get a line each


@dataclass(frozen=True)
class SkippedFile:
    """An unreadable file that was left out: its path relative to the root, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True)
class _Chunk:
    root: Path
    files: tuple[tuple[str, bool], ...]  # (relative path, whether it is a mask)


def inspect_images(
    root: Path,
    files: Mapping[str, bool],
    *,
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
        if cached is None:
            to_decode[path] = stamp
        else:
            add(path, cached)
    if not to_decode:
        return facts, skipped
    try:
        with reporter.task("reading images", len(to_decode), "images") as task:
            for results in map_in_processes(
                _inspect_chunk,
                _chunks(root, ((path, files[path]) for path in list(to_decode))),
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


def warn_about_skipped(skipped: Sequence[SkippedFile], reporter: Reporter) -> None:
    """Warn about each skipped file; if they are many, about the first ones and their number."""
    many = len(skipped) > _MAX_WARNINGS
    for number, each in enumerate(skipped):
        report = reporter.detail if many and number >= _MAX_WARNINGS else reporter.warn
        report(f"left out {each.path}: {each.reason}")
    if many:
        reporter.warn(
            f"left out {format_count(len(skipped) - _MAX_WARNINGS, 'more unreadable file')}; use "
            "`cadbench run -v` to list them"
        )


def _stamp(path: str) -> FileStamp:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not a regular file")
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _inspect_chunk(chunk: _Chunk) -> list[tuple[str, ImageFacts | str]]:
    return [(path, _inspect(chunk.root / path, is_mask)) for path, is_mask in chunk.files]


def _inspect(path: Path, is_mask: bool) -> ImageFacts | str:
    """The facts of a file, or the reason why it is unreadable."""
    try:
        pixels = decode_mask(path) if is_mask else decode(path)
    except UnreadableImage as error:
        return error.reason
    height, width = pixels.shape[:2]
    return ImageFacts(width, height, content_hash(pixels))


def _chunks(root: Path, files: Iterator[tuple[str, bool]]) -> Iterator[_Chunk]:
    while chunk := tuple(itertools.islice(files, _CHUNK)):
        yield _Chunk(root, chunk)
