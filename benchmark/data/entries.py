"""What a dataset on disk comes to, an entry an image; and listing folders as readers do.

Files are told by their extension; hidden ones and all others are ignored.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from ...results.errors import DataError
from .images.decoding import EXTENSIONS

Split = Literal["train", "test"]
GOOD = "good"


@dataclass(frozen=True, slots=True)
class Entry:
    """One image: paths are relative to the root, with forward slashes.

    defect: `good`, or the kind of defect. more_masks: where a mask is drawn in several files
    (MVTec LOCO), those after `mask_path`; a pixel is defective if it is so in any of them.
    """

    category: str
    split: Split
    defect: str
    path: str
    mask_path: str | None = None
    more_masks: tuple[str, ...] = ()

    @property
    def mask_paths(self) -> tuple[str, ...]:
        """All files of the mask; none where there is no mask."""
        return () if self.mask_path is None else (self.mask_path, *self.more_masks)


def masked(category: str, defect: str, path: str, masks: tuple[str, ...]) -> Entry:
    """A test image with the files of its mask, of which there may be none."""
    return Entry(category, "test", defect, path, masks[0] if masks else None, masks[1:])


def images_in(root: Path, folder: PurePosixPath) -> list[str]:
    """Paths, relative to the root, of the images that lie in `folder` itself, sorted."""
    names = names_in(root / folder, folders=False)
    return [f"{folder}/{n}" for n in names if is_image(n)]


def is_image(path: str) -> bool:
    """Whether a file's name ends as an image's does, in any case."""
    return os.path.splitext(path)[1].lower() in EXTENSIONS


def names_in(folder: Path, *, folders: bool) -> list[str]:
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
