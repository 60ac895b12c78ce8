"""Entries, one per image of a dataset, and the folder listings that readers make them from.

Images are recognized by their extension. Hidden files and all others are ignored.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from ...results.errors import DataError

Split = Literal["train", "test"]
GOOD = "good"
EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
"""Endings of the files that count as images."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One image. Paths are relative to the dataset's root, with forward slashes.

    Attributes:
        category: its category.
        split: `train` or `test`.
        defect: `good`, or the kind of defect.
        path: the image file.
        mask_path: the mask file; None if there is no mask.
        more_masks: further files of the same mask (MVTec LOCO). A pixel is defective if any of the
            files says so.
    """

    category: str
    split: Split
    defect: str
    path: str
    mask_path: str | None = None
    more_masks: tuple[str, ...] = ()

    @property
    def mask_paths(self) -> tuple[str, ...]:
        """All files of the mask; empty if there is no mask."""
        return () if self.mask_path is None else (self.mask_path, *self.more_masks)


def defective_entry(category: str, defect: str, path: str, masks: tuple[str, ...]) -> Entry:
    """The entry of a defective test image; `masks` are the files of its mask, possibly none."""
    return Entry(category, "test", defect, path, masks[0] if masks else None, masks[1:])


def images_in(root: Path, folder: PurePosixPath) -> list[str]:
    """Paths, relative to `root`, of the images directly in `folder`, sorted."""
    names = names_in(root / folder, folders=False)
    return [f"{folder}/{name}" for name in names if is_image(name)]


def is_image(path: str) -> bool:
    """Whether a file name has the extension of an image, in upper or lower case."""
    return os.path.splitext(path)[1].lower() in EXTENSIONS


def names_in(folder: Path, *, folders: bool) -> list[str]:
    """List a folder, without hidden names.

    Args:
        folder: the folder to list.
        folders: True for the names of folders, False for those of everything else.

    Returns:
        The names, sorted; empty if `folder` does not exist.
    """
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
