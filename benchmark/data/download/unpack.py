"""From a checked archive to a folder of files, written one by one under names that were checked.

What refuses links, devices, bombs and broken archives is what `cadbench import` reads with; here
the names become paths, so they are narrowed further.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ....results.errors import DataError, RecordError
from ....results.exchange.limits import MAX_SEGMENT, MEBI, inner_parts, quoted_name
from ....results.exchange.members import Limits, members
from ....results.exchange.unpacking import write_member
from ....results.storage.files import storage_error
from ...system.reporting import Reporter
from ..catalog import Archive
from ..images.decoding import EXTENSIONS
from .transfer import ROOT_OPTION

LIMITS = Limits(members=1_000_000, bytes=1024 * MEBI, ratio=20)
"""Images hardly shrink in an archive; the largest of the datasets has some 10,000 members."""
_DEEPEST = 12


def unpack(archive: Archive, path: Path, into: Path, images: int, reporter: Reporter) -> None:
    """Write the files of the archive at `path` to `into`, without the folder `archive.inside`.

    images: about how many there are, for the progress. `DataError` where anything in it could do
    harm: then nothing of it is to be used. Hidden files, and macOS's, are left out.
    """
    seen: set[tuple[str, ...]] = set()
    try:
        with (
            members(path, archive.kind, LIMITS) as every,
            reporter.task(f"unpacking {archive.file}", images, "images") as task,
        ):
            for member in every:
                parts = member_parts(member.name, archive.inside)
                if not parts or any(p.startswith(".") or p == "__MACOSX" for p in parts):
                    continue
                if member.folder:
                    continue
                if parts in seen:
                    raise RecordError(f"{quoted_name(member.name)} is there twice")
                seen.add(parts)
                target = into.joinpath(*parts)
                write_member(target, member.chunks(LIMITS.bytes), ROOT_OPTION)
                if target.suffix.lower() in EXTENSIONS:
                    task.advance()
    except RecordError as error:
        raise DataError(
            f"{path} is not unpacked: {error}; delete it and run the same command again, or take "
            "the dataset by hand"
        ) from error


def member_parts(name: str, inside: str) -> tuple[str, ...]:
    """The path of a member below the dataset's folder; `RecordError` for a harmful name."""
    parts = tuple(part for part in inner_parts(name) if part != ".")
    if len(parts) > _DEEPEST or any(len(part.encode()) > MAX_SEGMENT for part in parts):
        raise RecordError(f"{quoted_name(name)} is too long or lies too deep")
    if not name.isprintable() or "" in parts:
        raise RecordError(f"{quoted_name(name)} is not a plain name")
    return parts[1:] if inside and parts[:1] == (inside,) else parts


def clear(folder: Path) -> None:
    """Remove what an earlier, ended call left of a folder."""
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise storage_error(error, folder, ROOT_OPTION) from error
