"""Unpack an export into one folder per record, under names of our own."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import RecordError
from ..storage.files import storage_error
from .archives import Member, open_archive
from .limits import (
    MANIFEST_FILE,
    MAX_BYTES,
    MAX_TOTAL,
    Listed,
    check_name,
    quoted_name,
    read_manifest,
)


@dataclass(frozen=True)
class Unpacked:
    """A record of an export.

    Attributes:
        name: its folder in the export.
        wrong: where it differs from the manifest.
    """

    name: str
    folder: Path
    wrong: str | None


def unpack(source: Path, into: Path) -> list[Unpacked]:
    """Unpack every record of `source` into a folder of its own below `into`.

    Returns:
        The records by name.

    Raises:
        RecordError: the source is not an export, is incomplete, or holds anything harmful; nothing
            that was unpacked may then be used.
    """
    names, found = _Names(), {}
    folders: dict[str, Path] = {}
    manifest: dict[str, Listed] | None = None
    total = 0
    with open_archive(source) as members:
        for member in members:
            parts = check_name(member.name, folder=member.folder)
            names.admit(member)
            if member.folder:
                continue
            limit = MAX_BYTES[parts[-1]]
            if member.size > limit:
                raise RecordError(
                    f"{quoted_name(member.name)} declares {member.size} bytes, the limit is {limit}"
                )
            total += member.size
            if total > MAX_TOTAL:
                raise RecordError(f"it holds more than {MAX_TOTAL} bytes")
            if member.name == MANIFEST_FILE:
                manifest = read_manifest(b"".join(member.chunks(limit)))
                continue
            record = "/".join(parts[:-1])
            folder = folders.setdefault(record, into / f"{len(folders):06d}")
            found[member.name] = write_member(folder / parts[-1], member.chunks(limit))
    if manifest is None:
        raise RecordError(f"it has no {MANIFEST_FILE} at its top; `cadbench export` makes one")
    if further := sorted(found.keys() - manifest.keys()):
        raise RecordError(f"{quoted_name(further[0])} is not in its {MANIFEST_FILE}")
    records: dict[str, str | None] = {}
    for name, listed in manifest.items():
        record, _, file = name.rpartition("/")
        wrong = None
        if name not in found:
            wrong = f"{file} is missing"
        elif found[name] != listed:
            wrong = f"{file} was altered or damaged: its SHA-256 is not that of {MANIFEST_FILE}"
        records[record] = records.get(record) or wrong
    return [
        Unpacked(record, folders.get(record, into / "none"), wrong)
        for record, wrong in sorted(records.items())
    ]


@dataclass
class _Names:
    """Names seen so far: each may occur once, and only in one spelling of upper and lower case."""

    files: set[str] = field(default_factory=set)
    spelled: dict[str, str] = field(default_factory=dict)

    def admit(self, member: Member) -> None:
        if member.name in self.files:
            raise RecordError(f"{quoted_name(member.name)} occurs twice")
        self.files.add(member.name)
        parts = member.name.split("/")
        for depth in range(1, len(parts) + 1):
            name = "/".join(parts[:depth])
            if self.spelled.setdefault(name.casefold(), name) != name:
                raise RecordError(
                    f"{quoted_name(name)} and {quoted_name(self.spelled[name.casefold()])} differ "
                    "only in upper and lower case"
                )


def write_member(path: Path, chunks: Iterable[bytes], options: str | None = None) -> Listed:
    """Write a file and compute its checksum.

    Args:
        path: where to write it.
        chunks: its content.
        options: see `storage.files.storage_error`.
    """
    digest, size = hashlib.sha256(), 0
    with _writing(path, options):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered, so that closing the file cannot fail.
        file = open(path, "xb", buffering=0)  # noqa: SIM115
    with file:
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            left = memoryview(chunk)
            with _writing(path, options):
                while left:
                    left = left[file.write(left) :]
        with _writing(path, options):
            os.fsync(file.fileno())
    return Listed(size, digest.hexdigest())


@contextlib.contextmanager
def _writing(path: Path, options: str | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise storage_error(error, path, options) from error
