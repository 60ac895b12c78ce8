"""The mask of each defective image: whether it fits, is empty, or must be turned with its image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ....results.errors import DataError
from ..entries import Entry
from ..item import Oddity
from .image_facts import ImageFacts
from .masks import mask_hash


@dataclass(frozen=True)
class ItemMask:
    """The mask of one image.

    Attributes:
        content: its hash; None without a usable mask.
        orientation: EXIF orientation by which it is turned; 1 for none.
        oddities: what is odd about its files, each kind once.
    """

    content: str | None = None
    orientation: int = 1
    oddities: tuple[Oddity, ...] = ()


def item_masks(
    entries: Sequence[Entry], facts: Mapping[str, ImageFacts], root: Path, *, labeled: bool
) -> dict[str, ItemMask]:
    """The masks of all readable images, by the path of the image.

    Masks without a defective pixel and masks with an unreadable file count as missing. If a mask of
    a category only fits its image before the EXIF orientation is applied, all masks of the category
    are turned with their images.

    Args:
        entries: the images.
        facts: of images and masks, by path; unreadable files are missing.
        root: the dataset's folder, for error messages.
        labeled: whether masks hold numbers of labels by definition.

    Raises:
        DataError: a mask and its image have different sizes.
    """
    as_stored = {
        entry.category
        for entry in entries
        if entry.path in facts
        for path in entry.mask_paths
        if path in facts and _fits_only_as_stored(facts[entry.path], facts[path])
    }
    return {
        entry.path: _mask(entry, facts, root, entry.category in as_stored, labeled)
        for entry in entries
        if entry.path in facts
    }


def _mask(
    entry: Entry, facts: Mapping[str, ImageFacts], root: Path, as_stored: bool, labeled: bool
) -> ItemMask:
    image = facts[entry.path]
    files = {path: facts[path] for path in entry.mask_paths if path in facts}
    orientation = image.orientation if as_stored else 1
    for path, mask in files.items():
        size = (mask.height, mask.width) if orientation >= 5 else (mask.width, mask.height)
        if size != (image.width, image.height):
            raise DataError(
                f"the mask {path} in {root} has {mask.width} x {mask.height} pixels, but its image "
                f"{entry.path} has {image.width} x {image.height}; make the sizes equal, or remove "
                "the mask"
            )
    if not files or len(files) < len(entry.mask_paths):
        return ItemMask()
    if not any(mask.coverage for mask in files.values()):
        return ItemMask(oddities=(Oddity("mask empty"),))
    by_kind = {oddity.kind: oddity for mask in files.values() for oddity in mask.oddities}
    if labeled:
        by_kind.pop("mask labels", None)
    if orientation != 1:
        by_kind["mask as stored"] = Oddity("mask as stored", orientation)
    content = mask_hash([mask.content for mask in files.values()], orientation)
    return ItemMask(content, orientation, tuple(by_kind.values()))


def _fits_only_as_stored(image: ImageFacts, mask: ImageFacts) -> bool:
    turned = (image.width, image.height)
    return (
        image.orientation >= 5
        and (mask.width, mask.height) != turned
        and (mask.height, mask.width) == turned
    )
