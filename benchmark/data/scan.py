"""List a dataset's images through its reader, and check what the reader returns."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...results.did_you_mean import suggestion
from ...results.errors import CadbenchError, DataError, UsageError
from .entries import GOOD, Entry
from .reader import Reader
from .reader_errors import attribute_errors_to_reader

MEAN = "mean"
"""Name of the column of tables and figures that no category may have."""


def scan(
    root: Path,
    categories: Iterable[str] | None = None,
    reader: Reader | None = None,
    name: str = "folder",
) -> list[Entry]:
    """List every image of the chosen categories, without opening it.

    Args:
        root: the dataset's folder.
        categories: None for all.
        reader: None for the MVTec AD layout.
        name: the dataset's name, for error messages.

    Returns:
        The entries by category. Every category has training and test images, no file belongs to two
        images, and no path leaves `root`.

    Raises:
        DataError: the data do not fit the layout.
        UsageError: a category is not there.
        CadbenchError: the reader is faulty.
    """
    if reader is None:
        from .readers.folder import Folder

        reader = Folder()
    if not root.is_dir():
        raise DataError(f"no such folder: {root}; give the folder that holds the categories")
    with attribute_errors_to_reader(name, reader, "categories_in"):
        found = sorted(reader.categories_in(root))
        if not found:
            raise DataError(reader.not_found_message(root))
    chosen = _chosen(found, categories)
    for category in chosen:
        if not category.isprintable() or "," in category or "/" in category:
            raise DataError(
                f"category {category!r} in {root}: rename the folder without commas, slashes and "
                "control characters"
            )
        if category == MEAN:
            raise DataError(
                f"category {category!r} in {root}: tables call the mean over categories so; rename "
                "the folder"
            )
    with attribute_errors_to_reader(name, reader, "entries"):
        entries = list(reader.entries(root, chosen))
    for entry in entries:
        _check_entry(entry, chosen, name)
    _check_unique_files(entries, root)
    _check_splits(entries, chosen, root)
    return entries


def _chosen(found: list[str], categories: Iterable[str] | None) -> list[str]:
    if categories is None:
        return found
    chosen = sorted(set(categories))
    for name in chosen:
        if name not in found:
            raise UsageError(
                f"unknown category {name!r}{suggestion(name, found)}; there are: {', '.join(found)}"
            )
    return chosen


def _check_entry(entry: Any, chosen: Sequence[str], name: str) -> None:
    """Raise `CadbenchError` for an entry that only a faulty reader returns, and `DataError` for a
    path that comes from a faulty list."""
    problem = None
    if not isinstance(entry, Entry):
        problem = f"{entry!r}, which is not a cadbench.Entry"
    elif entry.category not in chosen:
        problem = f"category {entry.category!r}, which was not requested"
    elif entry.split not in ("train", "test"):
        problem = f"split {entry.split!r}, which is neither train nor test"
    elif entry.split == "train" and entry.defect != GOOD:
        problem = f"{entry.path} as a training image with a defect"
    elif entry.defect == GOOD and entry.mask_path is not None:
        problem = f"a mask for {entry.path}, which is good"
    if problem:
        raise CadbenchError(f"dataset {name}: its reader returned {problem}; fix the reader")
    for path in (entry.path, *entry.mask_paths):
        if not _can_be_a_path(path):
            raise DataError(
                f"dataset {name}: {path!r} is not a valid file name; correct the list that names it"
            )
        if path.startswith("/") or ".." in path.split("/"):
            raise DataError(
                f"dataset {name}: {path} is outside the dataset's folder; list only files below it"
            )


def _can_be_a_path(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _check_unique_files(entries: Sequence[Entry], root: Path) -> None:
    images: set[str] = set()
    image_of_mask: dict[str, str] = {}
    for entry in entries:
        if entry.path in images:
            raise DataError(f"{entry.path} in {root} is listed twice; keep one of the two")
        images.add(entry.path)
        for mask in entry.mask_paths:
            other = image_of_mask.setdefault(mask, entry.path)
            if other != entry.path:
                raise DataError(
                    f"the mask {mask} in {root} belongs to two images, {other} and {entry.path}; "
                    "rename one image and its mask"
                )


def _check_splits(entries: Sequence[Entry], chosen: Sequence[str], root: Path) -> None:
    present = {(entry.category, entry.split) for entry in entries}
    for category in chosen:
        for split, kind in (("train", "training"), ("test", "test")):
            if (category, split) not in present:
                raise DataError(
                    f"category {category} has no {kind} images in {root}; add some, or leave the "
                    "category out with --categories"
                )
