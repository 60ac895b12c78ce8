"""Survey the files of each category: bit depth, orientation, masks, and what a crop loses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..data.images.preprocessing import Preprocessing
from ..data.item import FULL_DEPTH, Item
from ..data.manifest import Manifest
from ..system.reporting import Reporter
from .truth import Regions, read_regions


@dataclass(frozen=True)
class CategorySurvey:
    """The files of one category.

    Attributes:
        category: its name.
        not_read: files that are left out or unreadable.
        depth: `8`, or with 16-bit files the bits that hold values, such as `12 in 16`.
        turned: images with an EXIF orientation.
        masks: masks with a defective pixel.
        empty: empty masks of defective images.
        odd: masks with more than two values, or in the alpha channel or the palette.
        areas: lowest and highest fraction of the image that a mask covers; None without masks.
        cut_off: mean fraction of an image that the preprocessing cuts off.
        regions: defect regions of all masks.
        lost: regions of which the preprocessing leaves no pixel.
        hidden: images whose mask has no pixel left after the preprocessing.
    """

    category: str
    not_read: int
    depth: str
    turned: int
    masks: int
    empty: int
    odd: int
    areas: tuple[float, float] | None
    cut_off: float
    regions: int
    lost: int
    hidden: int


def survey(
    manifest: Manifest, preprocessing: Preprocessing, reporter: Reporter
) -> Iterator[CategorySurvey]:
    """Survey every category; reads all masks.

    Args:
        preprocessing: how images become squares.
        reporter: receives the progress.
    """
    masked = {
        category: [item for item in manifest.test(category) if item.mask is not None]
        for category in manifest.categories
    }
    with reporter.task("reading masks", sum(map(len, masked.values())), "masks") as task:
        for category, items in masked.items():
            found = read_regions(manifest.root, items, preprocessing, task)
            yield _survey(manifest, category, preprocessing, found)


def _survey(
    manifest: Manifest,
    category: str,
    preprocessing: Preprocessing,
    masks: Sequence[Regions],
) -> CategorySurvey:
    items = (*manifest.train(category), *manifest.test(category))
    kinds = [{oddity.kind for oddity in item.oddities} for item in items]
    areas = [mask.area for mask in masks]
    cuts = [preprocessing.cut_off(item.width, item.height) for item in items]
    odd = {"mask shades", "mask labels", "mask in alpha", "mask in palette"}
    return CategorySurvey(
        category,
        sum(files.count for files in manifest.left_out if files.category == category)
        + sum(file.category == category for file in manifest.skipped),
        _depth(items),
        sum("turned" in kind for kind in kinds),
        len(masks),
        sum(item.has_empty_mask for item in items),
        sum(bool(kind & odd) for kind in kinds),
        (min(areas), max(areas)) if areas else None,
        sum(cuts) / max(len(cuts), 1),
        sum(mask.regions + mask.lost for mask in masks),
        sum(mask.lost for mask in masks),
        sum(not len(mask.pixels) for mask in masks),
    )


def _depth(items: Sequence[Item]) -> str:
    """The bits of samples in the files, such as `8` or `12 in 16`."""
    found = sorted({item.bits for item in items if item.is_deep})
    named = [str(bits) if bits == FULL_DEPTH else f"{bits} in {FULL_DEPTH}" for bits in found]
    return ", ".join(["8"] * any(not item.is_deep for item in items) + named)
