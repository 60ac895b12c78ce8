"""From a folder and its reader to entries that can be relied on, whoever wrote the reader."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...results.did_you_mean import suggestion
from ...results.errors import CadbenchError, DataError, UsageError
from .entries import GOOD, Entry
from .opening.registry import blamed_on
from .reader import Reader


def scan(
    root: Path,
    categories: Iterable[str] | None = None,
    reader: Reader | None = None,
    name: str = "folder",
) -> list[Entry]:
    """Every image of the chosen categories (None: all) below `root`, category by category.

    reader: None for the MVTec layout. Every category has good training images and test images, no
    file stands for two images, and no path leads out of the root.
    """
    if reader is None:
        from .readers.folder import Folder

        reader = Folder()
    if not root.is_dir():
        raise DataError(f"no such folder: {root}; give the folder that holds the categories")
    with blamed_on(name, reader, "categories_in"):
        found = sorted(reader.categories_in(root))
        if not found:
            raise DataError(reader.nothing_in(root))
    chosen = _chosen(found, categories)
    for category in chosen:
        if not category.isprintable() or "," in category or "/" in category:
            raise DataError(
                f"category {category!r} in {root}: rename the folder without commas, slashes and "
                "control characters"
            )
    with blamed_on(name, reader, "entries"):
        entries = list(reader.entries(root, chosen))
    _refuse_strangers(entries, chosen, name)
    _refuse_shared_files(entries, root)
    _refuse_empty(entries, chosen, root)
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


def _refuse_strangers(entries: Sequence[Any], chosen: Sequence[str], name: str) -> None:
    """What only a reader with a fault gives: the reader is to be mended, not the data."""
    for entry in entries:
        wrong = None
        if not isinstance(entry, Entry):
            wrong = f"{entry!r}, which is no cadbench.Entry"
        elif entry.category not in chosen:
            wrong = f"category {entry.category!r}, which was not asked for"
        elif entry.split not in ("train", "test"):
            wrong = f"split {entry.split!r}, which is neither train nor test"
        elif entry.split == "train" and entry.defect != GOOD:
            wrong = f"{entry.path} as a training image with a defect"
        elif entry.defect == GOOD and entry.mask_path is not None:
            wrong = f"a mask for {entry.path}, which is good"
        else:
            for path in (entry.path, *entry.mask_paths):
                if not _can_be_a_path(path):
                    raise DataError(
                        f"dataset {name}: no file can be called {path!r}; mend the list that "
                        "names it"
                    )
                if path.startswith("/") or ".." in path.split("/"):
                    raise DataError(
                        f"dataset {name}: {path} leads out of its folder; list files below it"
                    )
        if wrong:
            raise CadbenchError(f"dataset {name}: its reader gives {wrong}")


def _can_be_a_path(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _refuse_shared_files(entries: Sequence[Entry], root: Path) -> None:
    listed: set[str] = set()
    owner: dict[str, str] = {}
    for entry in entries:
        if entry.path in listed:
            raise DataError(f"{entry.path} in {root} is listed twice; keep one of the two")
        listed.add(entry.path)
        for mask in entry.mask_paths:
            other = owner.setdefault(mask, entry.path)
            if other != entry.path:
                raise DataError(
                    f"the mask {mask} in {root} fits two images: {other} and {entry.path}; "
                    "rename one with its mask"
                )


def _refuse_empty(entries: Sequence[Entry], chosen: Sequence[str], root: Path) -> None:
    there = {(entry.category, entry.split) for entry in entries}
    for category in chosen:
        for split, kind in (("train", "training"), ("test", "test")):
            if (category, split) not in there:
                raise DataError(
                    f"category {category} has no {kind} images in {root}; add some, or leave the "
                    "category out with --categories"
                )
