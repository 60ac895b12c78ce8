"""The MVTec layout of a data set on disk: which files it holds and what they are.

    <root>/<category>/train/good/*
    <root>/<category>/test/<defect>/*                      `good` holds the good ones
    <root>/<category>/ground_truth/<defect>/<stem>_mask.*  or <stem>.*; optional

Files are told by their extension; hidden ones and all others are ignored, and so are masks of good
images.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from benchmark.data.decoding import EXTENSIONS
from benchmark.suggest import suggestion
from results.errors import DataError, UsageError

Split = Literal["train", "test"]
GOOD = "good"


@dataclass(frozen=True, slots=True)
class Entry:
    """One image: paths are relative to the root, with forward slashes."""

    category: str
    split: Split
    defect: str
    path: str
    mask_path: str | None = None


def categories_in(root: Path) -> list[str]:
    """The folders of `root` that hold `train` or `test`, sorted; none where there is no root."""
    if not root.is_dir():
        return []
    names = _names(root, folders=True)
    return [n for n in names if (root / n / "train").is_dir() or (root / n / "test").is_dir()]


def scan(root: Path, categories: Iterable[str] | None = None) -> list[Entry]:
    """Every image of the chosen categories (None: all), sorted by category, split and path."""
    if not root.is_dir():
        raise DataError(f"no such folder: {root}; give the folder that holds the categories")
    found = categories_in(root)
    if not found:
        raise DataError(_nothing_in(root))
    entries: list[Entry] = []
    for category in _chosen(found, categories):
        if not category.isprintable() or "," in category:
            raise DataError(
                f"category {category!r} in {root}: rename the folder without commas and control "
                "characters"
            )
        entries += _train(root, category)
        entries += _test(root, category)
    return entries


def _nothing_in(root: Path) -> str:
    if (root / "train").is_dir():
        return (
            f"{root} is a single category; give the folder above it, and --categories "
            f"{root.resolve().name}"
        )
    return (
        f"no category in {root}: expected <category>/train/{GOOD}/* and <category>/test/<defect>/* "
        "(the MVTec layout)"
    )


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


def _train(root: Path, category: str) -> list[Entry]:
    folder = PurePosixPath(category, "train", GOOD)
    entries = [Entry(category, "train", GOOD, path) for path in _images(root, folder)]
    if not entries:
        raise DataError(
            f"category {category} has no training images: none in {root / folder}; add some, or "
            "leave the category out with --categories"
        )
    return entries


def _test(root: Path, category: str) -> list[Entry]:
    folder = PurePosixPath(category, "test")
    masks = _masks(root, category)
    entries = []
    for defect in _names(root / folder, folders=True):
        for path in _images(root, folder / defect):
            mask = None if defect == GOOD else _mask_of(path, masks.get(defect, {}), root)
            entries.append(Entry(category, "test", defect, path, mask))
    if not entries:
        raise DataError(
            f"category {category} has no test images: none in {root / folder}/<defect>; add some, "
            "or leave the category out with --categories"
        )
    _refuse_strays(root, masks, entries)
    return entries


def _masks(root: Path, category: str) -> dict[str, dict[str, str]]:
    """Defect -> stem of the mask file -> its path."""
    folder = PurePosixPath(category, "ground_truth")
    masks: dict[str, dict[str, str]] = {}
    for defect in _names(root / folder, folders=True):
        if defect == GOOD:
            continue
        by_stem = masks[defect] = {}
        for path in _images(root, folder / defect):
            other = by_stem.setdefault(PurePosixPath(path).stem, path)
            if other != path:
                raise DataError(f"two masks for one image in {root}: {other} and {path}; keep one")
    return masks


def _mask_of(image: str, by_stem: dict[str, str], root: Path) -> str | None:
    stem = PurePosixPath(image).stem
    named = [by_stem[name] for name in (f"{stem}_mask", stem) if name in by_stem]
    if len(named) > 1:
        raise DataError(f"two masks for {image} in {root}: {' and '.join(named)}; keep one")
    return named[0] if named else None


def _refuse_strays(root: Path, masks: dict[str, dict[str, str]], entries: list[Entry]) -> None:
    owner: dict[str, str] = {}
    for entry in entries:
        if entry.mask_path is None:
            continue
        other = owner.setdefault(entry.mask_path, entry.path)
        if other != entry.path:
            raise DataError(
                f"the mask {entry.mask_path} in {root} fits two images: {other} and {entry.path}; "
                "rename one with its mask"
            )
    for by_stem in masks.values():
        for mask in by_stem.values():
            if mask not in owner:
                raise DataError(
                    f"mask without image in {root}: {mask}; a mask is called like its image in "
                    "test/<the same defect>, with or without _mask at the end"
                )


def _images(root: Path, folder: PurePosixPath) -> list[str]:
    names = _names(root / folder, folders=False)
    return [f"{folder}/{n}" for n in names if os.path.splitext(n)[1].lower() in EXTENSIONS]


def _names(folder: Path, *, folders: bool) -> list[str]:
    """Sorted names of the folders (or of all else) in `folder`; none where it does not exist."""
    try:
        with os.scandir(folder) as listing:
            return sorted(
                entry.name
                for entry in listing
                if not entry.name.startswith(".") and entry.is_dir() == folders
            )
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(f"cannot list {folder}: {error.strerror}; check its permissions") from error
