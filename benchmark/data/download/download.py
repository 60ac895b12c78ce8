"""Download a dataset. Its folder appears only when the dataset is complete.

    <root>/<name>              the complete dataset
    <root>/<name>.partial/     complete and partial archives, and the files unpacked so far

All work is done in the second folder, under a lock, and the result is renamed at the end. A later
call resumes with the archives that are there, but unpacks them from the beginning.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from ....results.counts import format_count
from ....results.errors import CadbenchError, DataError, UsageError
from ....results.storage.files import storage_error
from ....results.storage.locks import record_lock
from ...system.reporting import Reporter
from ..catalog import Archive, CatalogEntry
from ..readers.folder import Folder
from ..verify import CategoryComparison, compare, count_listed_images, find_folder
from .transfer import MEGA, ROOT_OPTION, RetryPolicy, fetch_archive
from .unpack import remove_folder, unpack

_UNPACKED = {"tar": 1.0, "tar.xz": 1.2, "tar.gz": 1.2, "zip": 2.0}
"""Estimated size of an unpacked archive of images, relative to the archive."""


def dataset_folder(entry: CatalogEntry, root: Path) -> Path:
    """Where `download` puts the complete dataset."""
    return root / entry.name


def partial_folder(entry: CatalogEntry, root: Path) -> Path:
    """Where the files are until the dataset is complete."""
    return root / f"{entry.name}.partial"


def require_downloadable(entry: CatalogEntry) -> None:
    """Raise `UsageError` with instructions if cadbench may not download the dataset."""
    if entry.access != "download":
        raise UsageError(
            f"{entry.title} must be downloaded manually from {entry.home}: {entry.by_hand}; see "
            f"`cadbench data info {entry.name}`"
        )


def find_complete(entry: CatalogEntry, root: Path) -> Path | None:
    """Look for a complete copy of a dataset.

    Args:
        entry: the dataset in the catalog.
        root: the folder of the datasets.

    Returns:
        The copy's folder below `root`, or None.

    Raises:
        DataError: there is an incomplete copy.
        UsageError: `root` itself is a dataset.
    """
    folder = find_folder(entry, [root])
    if folder is None:
        if Folder().categories_in(root):
            raise UsageError(
                f"{root} is itself a dataset; give its parent folder with --root, so that "
                f"{entry.title} gets a folder next to it"
            )
        return None
    differing = _differing(entry, folder)
    if differing:
        raise DataError(
            f"{folder} contains {entry.title}, but differs from the published dataset: "
            f"{_summary(differing)}; complete it or move it away, and run the same command again"
        )
    return folder


def download(
    entry: CatalogEntry, root: Path, reporter: Reporter, policy: RetryPolicy | None = None
) -> Path:
    """Download a dataset unless it is already there. Call it only after the license is accepted.

    Args:
        entry: the dataset in the catalog.
        root: the folder of the datasets.
        reporter: receives progress and messages.
        policy: when to give up; None for the default.

    Returns:
        The dataset's folder below `root`.

    Raises:
        CadbenchError: the download failed. What was received stays in `partial_folder(entry,
            root)`, and the next call resumes with it.
    """
    require_downloadable(entry)
    root = root.absolute()
    final, partial = dataset_folder(entry, root), partial_folder(entry, root)
    with record_lock(final, wait=False, options=ROOT_OPTION) as acquired:
        if not acquired:
            raise CadbenchError(
                f"another cadbench process is downloading {entry.title} to {root}; wait for it"
            )
        folder = find_complete(entry, root)
        if folder is None:
            if final.exists() and (not final.is_dir() or any(final.iterdir())):
                raise DataError(f"{final} exists, but is not {entry.title}; move it away")
            _check_space(entry, root, partial)
            try:
                _fetch_and_unpack(entry, partial, reporter, policy or RetryPolicy())
            finally:
                with contextlib.suppress(OSError):  # fails if it is not empty, as intended
                    partial.rmdir()
            _move_into_place(partial / "unpacked", final)
            folder = final
        if folder == final:
            remove_folder(partial)
    return folder


def _check_space(entry: CatalogEntry, root: Path, partial: Path) -> None:
    needed = 0.0
    for archive in entry.archives:
        file = _archive_file(archive, partial)
        needed += archive.bytes * (1 + _UNPACKED[archive.kind])
        needed -= file.stat().st_size if file.exists() else 0
    free = shutil.disk_usage(root).free
    if free < needed:
        raise CadbenchError(
            f"{entry.title} needs about {needed / MEGA:,.0f} MB in {root} while it is unpacked, "
            f"but {free / MEGA:,.0f} MB are free; free some space, or choose another folder with "
            f"{ROOT_OPTION}"
        )


def _fetch_and_unpack(
    entry: CatalogEntry, partial: Path, reporter: Reporter, policy: RetryPolicy
) -> None:
    """Fill `partial/unpacked` with the complete dataset."""
    for archive in entry.archives:
        fetch_archive(archive, _archive_file(archive, partial), reporter, policy)
    unpacked = partial / "unpacked"
    remove_folder(unpacked)
    images = sum(sum(official.images) + official.masks for official in entry.counts.values())
    for archive in entry.archives:
        unpack(archive, _archive_file(archive, partial), unpacked, images, reporter)
    differing = _differing(entry, unpacked)
    if differing:
        raise DataError(
            f"the content of {entry.archives[0].file} differs from the published {entry.title}: "
            f"{_summary(differing)}; it is not used, the archive is in {partial}; look for a newer "
            "cadbench"
        )


def _archive_file(archive: Archive, partial: Path) -> Path:
    return partial / archive.file


def _move_into_place(unpacked: Path, final: Path) -> None:
    try:
        os.replace(unpacked, final)
        with contextlib.suppress(OSError):  # some file systems cannot sync a folder
            handle = os.open(final.parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except OSError as error:
        raise storage_error(error, final, ROOT_OPTION) from error


def _differing(entry: CatalogEntry, folder: Path) -> tuple[CategoryComparison, ...]:
    """The categories whose listed files are not the published number."""
    found = count_listed_images(entry.reader, folder)
    return tuple(row for row in compare(found, entry.counts) if row.difference)


def _summary(differing: tuple[CategoryComparison, ...]) -> str:
    """`bottle (train -3), cable (missing) and 4 more categories`."""
    first = ", ".join(f"{row.category} ({row.difference})" for row in differing[:3])
    more = len(differing) - 3
    return first if more <= 0 else f"{first} and {format_count(more, 'more category')}"
