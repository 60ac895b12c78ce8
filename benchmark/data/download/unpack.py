"""Unpack a downloaded archive into a folder, file by file, after checking each name.

Links, devices, archive bombs and broken archives are rejected by the reader that `cadbench import`
uses. Since names become paths here, they are restricted further.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ....results.errors import DataError, RecordError
from ....results.exchange.archives import Limits, open_archive
from ....results.exchange.limits import MAX_SEGMENT, MEBI, inner_parts, quoted_name
from ....results.exchange.unpacking import write_member
from ....results.storage.files import storage_error
from ...system.reporting import Reporter
from ..catalog import Archive
from ..folders import is_image
from .transfer import ROOT_OPTION

LIMITS = Limits(members=1_000_000, bytes=1024 * MEBI, ratio=20)
"""Images hardly compress, and the largest dataset has about 10,000 files."""
_MAX_DEPTH = 12


def unpack(archive: Archive, path: Path, into: Path, images: int, reporter: Reporter) -> None:
    """Write the files of an archive to a folder, except hidden files and those of macOS.

    Args:
        archive: the archive in the catalog; the folder `archive.inside` is removed from the paths.
        path: the archive file.
        into: the folder to write to.
        images: approximate number of images, for the progress.
        reporter: receives the progress.

    Raises:
        DataError: the archive is broken or could do harm. The files written so far must not be
            used.
    """
    seen: set[tuple[str, ...]] = set()
    try:
        with (
            open_archive(path, archive.kind, LIMITS) as every,
            reporter.task(f"unpacking {archive.file}", images, "images") as task,
        ):
            for member in every:
                parts = member_parts(member.name, archive.inside)
                if not parts or any(p.startswith(".") or p == "__MACOSX" for p in parts):
                    continue
                if member.folder:
                    continue
                if parts in seen:
                    raise RecordError(f"{quoted_name(member.name)} occurs twice")
                seen.add(parts)
                target = into.joinpath(*parts)
                write_member(target, member.chunks(LIMITS.bytes), ROOT_OPTION)
                if is_image(target.name):
                    task.advance()
    except RecordError as error:
        raise DataError(
            f"cannot unpack {path}: {error}; delete it and run the same command again, or download "
            "the dataset manually"
        ) from error


def member_parts(name: str, inside: str) -> tuple[str, ...]:
    """The path of a member below the dataset's folder.

    Args:
        name: the member's name in the archive.
        inside: a folder that is removed from the beginning of the path; may be empty.

    Raises:
        RecordError: the name could do harm.
    """
    parts = tuple(part for part in inner_parts(name) if part != ".")
    if len(parts) > _MAX_DEPTH or any(len(part.encode()) > MAX_SEGMENT for part in parts):
        raise RecordError(f"{quoted_name(name)} is too long or nested too deeply")
    if not name.isprintable() or "" in parts:
        raise RecordError(f"{quoted_name(name)} is not a plain name")
    return parts[1:] if inside and parts[:1] == (inside,) else parts


def remove_folder(folder: Path) -> None:
    """Remove a folder if it exists."""
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise storage_error(error, folder, ROOT_OPTION) from error
