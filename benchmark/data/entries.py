"""Entries: what readers list, one per image of a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "test"]
GOOD = "good"


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
