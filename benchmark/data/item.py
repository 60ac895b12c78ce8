"""One image of a dataset, as the manifest lists it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .domains import Domain
from .entries import GOOD, Split

FULL_DEPTH = 16
"""Bits of a sample in a file that uses the whole range of 16 bits."""


class Oddity(NamedTuple):
    """Something about a file that may change what metrics mean.

    Attributes:
        kind: a key of `notes.note.KINDS`.
        value: the figure that belongs to it; 0 if there is none.
    """

    kind: str
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class Item:
    """One image. Paths are relative to the manifest's root, with forward slashes.

    Attributes:
        category, split, defect, path, mask_path, more_masks: as in `entries.Entry`.
        width, height: size in pixels.
        content: hash of the decoded image (`decoding.content_hash`).
        mask: hash of the decoded mask; None if there is none.
        is_deep: whether the file has 16-bit samples.
        bits: bits of such samples that hold values.
        mask_orientation: EXIF orientation by which the mask is turned; 1 for none.
        oddities: what is odd about the files of the image and its mask.
        domain: how the image is changed under drift; None if it is not (see
            `drifted_manifest`).
        original: with a domain or a drawn defect, the item of the unchanged image, which has the
            same file.
        drawn: kind of the defect that is drawn on the image (`images.drawn_defects`); empty if
            none is.
    """

    category: str
    split: Split
    defect: str
    path: str
    mask_path: str | None
    width: int
    height: int
    content: str
    mask: str | None
    more_masks: tuple[str, ...] = ()
    is_deep: bool = False
    bits: int = FULL_DEPTH
    mask_orientation: int = 1
    oddities: tuple[Oddity, ...] = ()
    domain: Domain | None = None
    original: Item | None = None
    drawn: str = ""

    @property
    def mask_paths(self) -> tuple[str, ...]:
        """All files of the mask; empty if there is no mask."""
        return () if self.mask_path is None else (self.mask_path, *self.more_masks)

    @property
    def has_empty_mask(self) -> bool:
        """Whether there are mask files without any defective pixel, which count as missing."""
        return any(oddity.kind == "mask empty" for oddity in self.oddities)

    @property
    def column(self) -> str:
        """The column of R that the image belongs to: its category, plus its domain if any."""
        return self.category if self.domain is None else column_name(self.category, self.domain)

    @property
    def label(self) -> int:
        """0 for a good image, 1 for a defective one."""
        return 0 if self.defect == GOOD else 1

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """The image's part of the manifest hash: no file name, no location."""
        return self.category, self.split, self.defect, self.content, self.mask or ""


def column_name(category: str, domain: Domain) -> str:
    """`screw@dark:2`: the column of R for a category under a domain."""
    return f"{category}@{domain.name}"
