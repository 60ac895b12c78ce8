"""Getting a dataset: whole in its folder, or not there at all.

    <root>/<name>              the dataset, once it is whole
    <root>/<name>.partial/     archives, whole or in part, and what is being unpacked of them

Everything happens in the second folder, under a lock, and is renamed at the end; a later call goes
on with the archives that an earlier one left, and unpacks anew.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from ....results.errors import CadbenchError, DataError, UsageError
from ....results.storage.files import storage_error
from ....results.storage.locks import record_lock
from ...system.reporting import Reporter
from ..catalog import Archive, Entry
from ..readers.folder import Folder
from ..verify import CategoryComparison, compare, count_listed_images, find_folder
from .transfer import MEGA, ROOT_OPTION, Patience, fetch
from .unpack import clear, unpack

_UNPACKED = {"tar": 1.0, "tar.xz": 1.2, "tar.gz": 1.2, "zip": 2.0}
"""About how many times its size an archive of images takes when it is unpacked."""


def folder_of(entry: Entry, root: Path) -> Path:
    """Where `download` puts the dataset."""
    return root / entry.name


def partial_of(entry: Entry, root: Path) -> Path:
    """Where it lies until it is whole."""
    return root / f"{entry.name}.partial"


def refuse_by_hand(entry: Entry) -> None:
    """`UsageError` for a dataset that cadbench does not fetch, saying where it is to be had."""
    if entry.access != "download":
        raise UsageError(
            f"{entry.title} has to be got by hand, from {entry.home}: {entry.by_hand}; `cadbench "
            f"data info {entry.name}` says more"
        )


def present(entry: Entry, root: Path) -> Path | None:
    """The folder below `root` that holds the whole dataset, None where there is none of it.

    `DataError` where there is a part of it, which is nobody's to overwrite.
    """
    folder = find_folder(entry, [root])
    if folder is None:
        if Folder().categories_in(root):
            raise UsageError(
                f"{root} is itself a dataset; give the folder above it with --root, so that "
                f"{entry.title} lies beside it"
            )
        return None
    odd = _differing(entry, folder)
    if odd:
        raise DataError(
            f"{folder} holds {entry.title}, but not as published: {_told(odd)}; complete it or "
            "move it away, and run the same command again"
        )
    return folder


def download(
    entry: Entry, root: Path, reporter: Reporter, patience: Patience | None = None
) -> Path:
    """The folder of the dataset below `root`, downloaded if it is not there yet.

    Its license has to have been accepted. `CadbenchError` where that fails: what has arrived by
    then lies in `partial_of(entry, root)`, and the next call goes on with it.
    """
    refuse_by_hand(entry)
    root = root.absolute()
    final, partial = folder_of(entry, root), partial_of(entry, root)
    with record_lock(final, wait=False, options=ROOT_OPTION) as mine:
        if not mine:
            raise CadbenchError(f"another cadbench is downloading {entry.title} to {root}")
        folder = present(entry, root)
        if folder is None:
            if final.exists() and (not final.is_dir() or any(final.iterdir())):
                raise DataError(f"{final} is there, but is not {entry.title}; move it away")
            _check_space(entry, root, partial)
            try:
                _fill(entry, partial, reporter, patience or Patience())
            finally:
                with contextlib.suppress(OSError):  # it holds something, which is kept
                    partial.rmdir()
            _settle(partial / "unpacked", final)
            folder = final
        if folder == final:
            clear(partial)
    return folder


def _check_space(entry: Entry, root: Path, partial: Path) -> None:
    needed = 0.0
    for archive in entry.archives:
        there = partial / archive.file
        needed += archive.bytes * (1 + _UNPACKED[archive.kind])
        needed -= there.stat().st_size if there.exists() else 0
    free = shutil.disk_usage(root).free
    if free < needed:
        raise CadbenchError(
            f"{entry.title} needs about {needed / MEGA:,.0f} MB in {root} while it is unpacked, "
            f"{free / MEGA:,.0f} MB are free; free some, or choose another place with {ROOT_OPTION}"
        )


def _fill(entry: Entry, partial: Path, reporter: Reporter, patience: Patience) -> None:
    """Bring `partial/unpacked` to hold the whole dataset."""
    for archive in entry.archives:
        fetch(archive, _place(archive, partial), reporter, patience)
    unpacked = partial / "unpacked"
    clear(unpacked)
    images = sum(sum(official.images) + official.masks for official in entry.counts.values())
    for archive in entry.archives:
        unpack(archive, _place(archive, partial), unpacked, images, reporter)
    odd = _differing(entry, unpacked)
    if odd:
        raise DataError(
            f"what {entry.archives[0].file} holds is not {entry.title} as published: {_told(odd)}; "
            f"nothing of it is used, the archive is in {partial}"
        )


def _place(archive: Archive, partial: Path) -> Path:
    return partial / archive.file


def _settle(unpacked: Path, final: Path) -> None:
    try:
        os.replace(unpacked, final)
        with contextlib.suppress(OSError):  # not every file system can
            handle = os.open(final.parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except OSError as error:
        raise storage_error(error, final, ROOT_OPTION) from error


def _differing(entry: Entry, folder: Path) -> tuple[CategoryComparison, ...]:
    """The categories that are not as published, by what the folders list."""
    found = count_listed_images(entry.reader, folder)
    return tuple(row for row in compare(found, entry.counts) if row.difference)


def _told(odd: tuple[CategoryComparison, ...]) -> str:
    """`bottle (train -3), cable (missing) and 4 more categories`."""
    told = ", ".join(f"{row.category} ({row.difference})" for row in odd[:3])
    return told if len(odd) <= 3 else f"{told} and {len(odd) - 3} more categories"
