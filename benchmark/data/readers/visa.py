"""VisA (Zou et al., ECCV 2022), split by its own CSV list.

    <root>/split_csv/1cls.csv                    object,split,label,image,mask
    <root>/<category>/Data/Images/Normal/*
    <root>/<category>/Data/Images/Anomaly/*
    <root>/<category>/Data/Masks/Anomaly/*       a pixel above 0 is defective

The list is the one-class split: good images for training, good and defective ones for testing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from ....results.errors import DataError
from ..entries import GOOD, Entry, defective_entry
from ..folders import images_in, names_in
from ..notes.left_out import LeftOut
from .published import Published

LIST = PurePosixPath("split_csv", "1cls.csv")
_COLUMNS = ("object", "split", "label", "image", "mask")


class Visa(Published, entry="visa"):
    """Twelve objects."""

    layout = f"{LIST} and <category>/Data/Images/{{Normal,Anomaly}}/*"

    labeled_masks = True

    def categories_in(self, root: Path) -> list[str]:
        return [n for n in names_in(root, folders=True) if (root / n / "Data" / "Images").is_dir()]

    def left_out(
        self, root: Path, categories: Sequence[str], entries: Sequence[Entry]
    ) -> list[LeftOut]:
        listed = {entry.path for entry in entries}
        found = []
        for category in categories:
            for name in names_in(root / category / "Data" / "Images", folders=True):
                folder = PurePosixPath(category, "Data", "Images", name)
                count = sum(path not in listed for path in images_in(root, folder))
                if count:
                    reason = f"are not read: {LIST} does not list them"
                    found.append(LeftOut(category, str(folder), reason, count))
        return found

    def entries(self, root: Path, categories: Sequence[str]) -> list[Entry]:
        found: dict[str, list[Entry]] = {category: [] for category in categories}
        for entry in _rows(root / LIST):
            if entry.category in found:
                found[entry.category].append(entry)
        for category, entries in found.items():
            if not entries:
                raise DataError(
                    f"category {category} is not in {root / LIST}; leave it out with --categories"
                )
            _check_masks_are_listed(root, category, entries)
        return [entry for entries in found.values() for entry in entries]


def _rows(file: Path) -> Iterator[Entry]:
    try:
        with open(file, encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            missing = [c for c in _COLUMNS if c not in (reader.fieldnames or ())]
            if reader.fieldnames is None:
                raise DataError(f"{file} is empty; get it from {Visa.source}")
            if missing:
                raise DataError(
                    f"{file} has no column {', '.join(missing)}; get it from {Visa.source}"
                )
            any_row = False
            for row in reader:
                any_row = True
                yield _entry(row, f"{file}, line {reader.line_num}")
            if not any_row:
                raise DataError(f"{file} lists no image; get it from {Visa.source}")
    except OSError as error:
        raise DataError(
            f"cannot read {file}: {error.strerror}; it is part of VisA and lists the training "
            "images (if your copy has train and test folders, use --dataset folder)"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} is not a CSV file: {error}; get it from {Visa.source}") from error


def _entry(row: dict[str, str | None], where: str) -> Entry:
    category, split, label, image, mask = ((row[name] or "").strip() for name in _COLUMNS)
    if not (category and image):
        raise DataError(f"{where}: object or image is missing")
    if label not in ("normal", "anomaly"):
        raise DataError(f"{where}: label must be normal or anomaly, not {label!r}")
    if split == "train" and label == "normal" and not mask:
        return Entry(category, "train", GOOD, image)
    if split != "test":
        raise DataError(f"{where}: split must be test, or train for normal images, not {split!r}")
    if label == "normal":
        if mask:
            raise DataError(f"{where}: a normal image must have no mask, but {mask} is given")
        return Entry(category, "test", GOOD, image)
    return defective_entry(category, label, image, (mask,) if mask else ())


def _check_masks_are_listed(root: Path, category: str, entries: Sequence[Entry]) -> None:
    used = {mask for entry in entries for mask in entry.mask_paths}
    for mask in images_in(root, PurePosixPath(category, "Data", "Masks", "Anomaly")):
        if mask not in used:
            raise DataError(f"mask without image: {LIST} in {root} has no row with {mask}")
