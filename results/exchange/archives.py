"""Read the members of a folder, zip or tar without writing files or trusting names.

Everything is read through file objects, never with `extract`, so no archive name becomes a path.
"""

from __future__ import annotations

import contextlib
import gzip
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from ..errors import RecordError, UsageError
from .limits import FREE_BYTES, MAX_BYTES, MAX_MEMBERS, MAX_RATIO, MEBI, quoted_name

MAX_HEADERS = MEBI
"""Bytes between two files of a tar: its headers, which extensions can make long."""
MAX_DIRECTORY = 64 * MEBI
"""Bytes of the table of contents of a zip."""
_CHUNK = MEBI


@dataclass(frozen=True)
class Limits:
    """Upper limits while reading an archive.

    Attributes are the number of members, the bytes of one tar member, and the ratio of unpacked to
    packed bytes.
    """

    members: int
    bytes: int
    ratio: int


@dataclass(frozen=True)
class Member:
    """A file or folder of an archive; members of a tar must be read before the next is requested.

    Attributes:
        size: the declared size in bytes; `read` returns at most as many as requested.
    """

    name: str
    size: int
    folder: bool = False
    read: Callable[[int], bytes] = lambda size: b""

    def chunks(self, limit: int) -> Iterator[bytes]:
        """Yield the content; RecordError after `limit` bytes, whatever size was declared."""
        total = 0
        while chunk := self.read(_CHUNK):
            total += len(chunk)
            if total > limit:
                raise RecordError(f"{quoted_name(self.name)} holds more than {limit} bytes")
            yield chunk
        if total != self.size:
            raise RecordError(
                f"{quoted_name(self.name)} holds {total} bytes, {self.size} are declared"
            )


def archive_kind(path: Path) -> str:
    """`zip`, `tar.gz`, or `folder` for a name without an archive ending; UsageError for others."""
    name = path.name.lower()
    if name.endswith(".zip"):
        return "zip"
    if name.endswith((".tar.gz", ".tgz")):
        return "tar.gz"
    if name.endswith((".tar", ".zst", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tzst", ".txz")):
        raise UsageError(f"{path}: archives are .zip or .tar.gz; a name without one is a folder")
    return "folder"


@contextlib.contextmanager
def open_archive(
    source: Path, kind: str | None = None, limits: Limits | None = None
) -> Iterator[Iterator[Member]]:
    """Open a folder or archive and iterate over its members.

    Args:
        source: the folder or archive.
        kind: `folder`, `zip`, `tar`, `tar.gz` or `tar.xz`; by default from the name.
        limits: limits; by default those of an export.

    Raises:
        RecordError: anything that goes wrong while reading.
    """
    kind = kind or archive_kind(source)
    limits = limits or Limits(MAX_MEMBERS, max(MAX_BYTES.values()), MAX_RATIO)
    try:
        if kind == "folder":
            yield _of_folder(source, limits)
            return
        with open(source, "rb") as file:
            yield _of_zip(file, limits) if kind == "zip" else _of_tar(file, kind, limits)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        gzip.BadGzipFile,
    ) as error:
        raise RecordError(f"it is not a complete {kind} ({quoted_name(str(error))})") from error
    except (NotImplementedError, RuntimeError, ValueError, OverflowError) as error:
        raise RecordError(
            f"it is not a {kind} that cadbench reads ({quoted_name(str(error))})"
        ) from error
    except OSError as error:  # errors of reading only; writing has its own
        raise RecordError(f"it cannot be read ({error.strerror or error})") from error


def _of_folder(root: Path, limits: Limits) -> Iterator[Member]:
    pending, found = [root], 0
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                found += 1
                _limit_members(found, limits)
                name = Path(entry.path).relative_to(root).as_posix()
                status = entry.stat(follow_symlinks=False)
                _refuse_special(name, status.st_mode)
                if stat.S_ISDIR(status.st_mode):
                    yield Member(name, 0, folder=True)
                    # After `yield`, so that folders that are refused or too deep are never entered.
                    pending.append(Path(entry.path))
                    continue
                if status.st_nlink > 1:
                    raise RecordError(f"{quoted_name(name)} is a hard link")
                with _opened(Path(entry.path), name) as file:
                    yield Member(name, status.st_size, read=file.read)


@contextlib.contextmanager
def _opened(path: Path, name: str) -> Iterator[BinaryIO]:
    """Open the file itself; if it became a link or a pipe since it was listed, refuse it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise RecordError(f"{quoted_name(name)} cannot be read ({error.strerror})") from error
    with open(handle, "rb") as file:
        _refuse_special(name, os.fstat(handle).st_mode)
        yield file


_ZIP_END, _ZIP_END_SIZE = b"PK\x05\x06", 22
"""Signature and size of the last entry of a zip; a comment may follow it."""


def _of_zip(file: BinaryIO, limits: Limits) -> Iterator[Member]:
    room = limits.ratio * os.fstat(file.fileno()).st_size + FREE_BYTES
    with zipfile.ZipFile(cast("BinaryIO", _ShortReads(file))) as archive:
        infos = archive.infolist()
        _limit_members(len(infos), limits)
        file.seek(-_ZIP_END_SIZE - len(archive.comment), os.SEEK_END)
        if file.read(len(_ZIP_END)) != _ZIP_END:
            raise RecordError("it has data after the end of the zip")
        # Check all members before reading the first.
        if sum(info.file_size for info in infos) > room:
            raise RecordError(f"it unpacks to more than {limits.ratio} times its size")
        for info in infos:
            if info.orig_filename != info.filename:
                raise RecordError(
                    f"{quoted_name(info.orig_filename)} is not a name that an export has"
                )
            if not info.filename:  # zipfile cuts names at NUL
                raise RecordError("it holds a member without a name")
            _refuse_special(info.filename, info.external_attr >> 16)
            if info.flag_bits & 1:
                raise RecordError(f"{quoted_name(info.filename)} is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise RecordError(
                    f"{quoted_name(info.filename)} is compressed with an unsupported method"
                )
        for info in infos:
            if info.is_dir():
                yield Member(info.filename.removesuffix("/"), info.file_size, folder=True)
                continue
            with archive.open(info) as opened:
                yield Member(info.filename, info.file_size, read=opened.read)


def _of_tar(file: BinaryIO, kind: str, limits: Limits) -> Iterator[Member]:
    room = limits.ratio * os.fstat(file.fileno()).st_size + FREE_BYTES
    with _unpacked(file, kind) as unpacked:
        metered = _Metered(unpacked, room, limits.ratio)
        metered.allow(MAX_HEADERS)
        with tarfile.open(fileobj=cast("BinaryIO", metered), mode="r|") as archive:
            found = 0
            while (info := archive.next()) is not None:
                found += 1
                _limit_members(found, limits)
                # Otherwise `archive` keeps every header in memory.
                archive.members = []  # type: ignore[attr-defined]
                if info.issym() or info.islnk():
                    raise RecordError(f"{quoted_name(info.name)} is a {_LINKS[info.issym()]} link")
                if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or (
                    info.issparse()
                ):
                    raise RecordError(f"{quoted_name(info.name)} is neither a file nor a folder")
                if not 0 <= info.size <= limits.bytes:
                    raise RecordError(f"{quoted_name(info.name)} declares {info.size} bytes")
                metered.allow(info.size + MAX_HEADERS)
                if info.isdir():
                    yield Member(info.name, info.size, folder=True)
                    continue
                opened = archive.extractfile(info)
                assert opened is not None
                yield Member(info.name, info.size, read=opened.read)
            # Read to the end, so that the checksum of the compressed data is checked.
            metered.allow(MAX_HEADERS)
            while rest := cast("BinaryIO", archive.fileobj).read(tarfile.RECORDSIZE):
                if rest.strip(b"\0"):
                    raise RecordError(f"it has data after the end of the {kind}")


@contextlib.contextmanager
def _unpacked(file: BinaryIO, kind: str) -> Iterator[BinaryIO]:
    if kind == "tar":
        yield file
    elif kind == "tar.gz":
        with gzip.GzipFile(fileobj=file, mode="rb") as opened:
            yield cast("BinaryIO", opened)
    else:
        with lzma.LZMAFile(file, format=lzma.FORMAT_XZ) as opened_xz:
            yield cast("BinaryIO", opened_xz)


_LINKS = {True: "symbolic", False: "hard"}


def _refuse_special(name: str, mode: int) -> None:
    """Refuse links and devices. `mode` is as from `os.stat`; 0 in a zip not made on Unix."""
    if stat.S_ISLNK(mode):
        raise RecordError(f"{quoted_name(name)} is a symbolic link")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise RecordError(f"{quoted_name(name)} is neither a file nor a folder")


def _limit_members(count: int, limits: Limits) -> None:
    if count > limits.members:
        raise RecordError(f"it has more than {limits.members} members")


class _ShortReads:
    """A file that refuses to be read in larger pieces than a zip's table of contents may have."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self.close = file.close

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY:
            raise RecordError(f"its table of contents is larger than {MAX_DIRECTORY} bytes")
        return self.file.read(size)


class _Metered:
    """A decompressed stream that returns only as many bytes as were allowed.

    tarfile reads extended headers of any declared size into memory.
    """

    def __init__(self, file: BinaryIO, room: int, ratio: int) -> None:
        self.file = file
        self.room = room
        self.ratio = ratio
        self.allowed = 0

    def allow(self, size: int) -> None:
        """Allow `size` more bytes, plus one record that tarfile buffers."""
        self.allowed = size + tarfile.RECORDSIZE

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.room -= len(data)
        self.allowed -= len(data)
        if self.room < 0:
            raise RecordError(f"it unpacks to more than {self.ratio} times its size")
        if self.allowed < 0:
            raise RecordError(f"it has more than {MAX_HEADERS} bytes of headers or padding")
        return data
