"""The layout of MVTec AD, which many datasets share.

    <root>/<category>/train/good/*
    <root>/<category>/test/<defect>/*                      `good` contains the good images
    <root>/<category>/ground_truth/<defect>/<stem>_mask.*  or <stem>.*; optional

Masks of good images are ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar

from ....results.errors import DataError
from ..entries import GOOD, Entry, defective_entry
from ..folders import images_in, names_in
from ..notes.left_out import LeftOut, folders_without_splits, left_out_of_category
from ..reader import Reader

Masks = dict[str, dict[str, tuple[str, ...]]]
"""Kind of defect -> stem of a mask -> its files."""


class MvtecLayout(Reader):
    """Reader of the MVTec AD layout.

    Attributes:
        good: name of the folders with good images, which a similar layout may change.
        unused: folders of a category that are not used by definition.
    """

    good: ClassVar[str] = GOOD
    unused: ClassVar[tuple[str, ...]] = ()
    layout = "<category>/train/good/* and <category>/test/<defect>/* (the MVTec layout)"

    def categories_in(self, root: Path) -> list[str]:
        names = names_in(root, folders=True)
        return [n for n in names if (root / n / "train").is_dir() or (root / n / "test").is_dir()]

    def not_found_message(self, root: Path) -> str:
        if (root / "train").is_dir():
            return (
                f"{root} is a single category; give the folder above it, and --categories "
                f"{root.resolve().name}"
            )
        return f"no category in {root}: expected {self.layout}"

    def entries(self, root: Path, categories: Sequence[str]) -> list[Entry]:
        entries: list[Entry] = []
        for category in categories:
            entries += self._train(root, category)
            entries += self._test(root, category)
        return entries

    def left_out(
        self, root: Path, categories: Sequence[str], entries: Sequence[Entry]
    ) -> list[LeftOut]:
        listed = {path for entry in entries for path in (entry.path, *entry.mask_paths)}
        found = folders_without_splits(root, self.categories_in(root))
        for category in categories:
            found += left_out_of_category(root, category, listed, self.good, self.unused)
        return found

    def masks(self, root: Path, category: str) -> Masks:
        """The masks of a category, except those of good images."""
        folder = PurePosixPath(category, "ground_truth")
        masks: Masks = {}
        for defect in names_in(root / folder, folders=True):
            if defect == self.good:
                continue
            by_stem = masks[defect] = {}
            for path in images_in(root, folder / defect):
                (first, *_) = by_stem.setdefault(PurePosixPath(path).stem, (path,))
                if first != path:
                    raise DataError(
                        f"two masks for one image in {root}: {first} and {path}; keep one"
                    )
        return masks

    def _train(self, root: Path, category: str) -> list[Entry]:
        folder = PurePosixPath(category, "train", self.good)
        entries = [Entry(category, "train", GOOD, path) for path in images_in(root, folder)]
        if not entries:
            others = names_in(root / category / "train", folders=True)
            reason = f"none in {root / folder}"
            if self.good in others:
                reason = f"the folder {root / folder} has no image files"
            elif others:
                reason += f" (there is train/{', train/'.join(others)})"
            raise DataError(
                f"category {category} has no training images: {reason}; add some, or leave the "
                "category out with --categories"
            )
        return entries

    def _test(self, root: Path, category: str) -> list[Entry]:
        folder = PurePosixPath(category, "test")
        masks = self.masks(root, category)
        entries = []
        for defect in names_in(root / folder, folders=True):
            for path in images_in(root, folder / defect):
                if defect == self.good:
                    entries.append(Entry(category, "test", GOOD, path))
                else:
                    found = _mask_of(path, masks.get(defect, {}), root)
                    entries.append(defective_entry(category, defect, path, found))
        if not entries:
            raise DataError(
                f"category {category} has no test images: none in {root / folder}/<defect>; add "
                "some, or leave the category out with --categories"
            )
        _check_masks_are_used(root, masks, entries)
        return entries


def _mask_of(image: str, by_stem: dict[str, tuple[str, ...]], root: Path) -> tuple[str, ...]:
    stem = PurePosixPath(image).stem
    named = [by_stem[name] for name in (f"{stem}_mask", stem) if name in by_stem]
    if len(named) > 1:
        (first, *_), (second, *_) = named
        raise DataError(f"two masks for {image} in {root}: {first} and {second}; keep one")
    return named[0] if named else ()


def _check_masks_are_used(root: Path, masks: Masks, entries: list[Entry]) -> None:
    used = {mask for entry in entries for mask in entry.mask_paths}
    for by_stem in masks.values():
        for files in by_stem.values():
            for mask in files:
                if mask not in used:
                    raise DataError(
                        f"mask without image in {root}: {mask}; give it the name of its image in "
                        "test/<the same defect>, with or without _mask at the end"
                    )
