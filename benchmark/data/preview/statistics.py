"""Statistics of a category's images: counts, sizes, channels, mask areas, near duplicates."""

from __future__ import annotations

import collections
from dataclasses import dataclass
from typing import Any

import numpy as np

from .fingerprints import Fingerprints
from .near_duplicates import DuplicatePair, find_near_duplicates


@dataclass(frozen=True)
class Statistics:
    """Statistics of one category. The field names are keys of `--format json`.

    Attributes:
        category: its name.
        train: number of training images.
        good: number of good test images.
        defective: number of defective test images.
        defects: number of test images per kind of defect.
        sizes: number of images per `WIDTHxHEIGHT`, smallest first.
        channels: `color`, `gray`, or the number of each. Equal channels count as gray.
        without_mask: number of defective test images without a mask, or with an empty one.
        mask_areas: median, minimum and maximum fraction of the image that a mask covers; None if
            there are no masks.
        empty_masks: images whose mask has no defective pixel.
        near: test images that repeat a training image.
    """

    category: str
    train: int
    good: int
    defective: int
    defects: dict[str, int]
    sizes: dict[str, int]
    channels: str
    without_mask: int
    mask_areas: tuple[float | None, float | None, float | None]
    empty_masks: tuple[str, ...]
    near: tuple[DuplicatePair, ...]

    @property
    def size(self) -> str:
        """`256x256`, or the smallest and the largest size as `256x256 to 512x512`."""
        ends = list(self.sizes)
        return ends[0] if len(ends) == 1 else f"{ends[0]} to {ends[-1]}"

    def as_dict(self) -> dict[str, Any]:
        """The statistics for JSON, with all near duplicates and without rounding."""
        areas = dict(zip(("median", "min", "max"), self.mask_areas, strict=True))
        near = [
            {"test": pair.test.path, "train": pair.train.path, "similarity": pair.similarity}
            for pair in self.near
        ]
        return {**vars(self), "mask_areas": areas, "near": near}


def compute_statistics(category: str, fingerprints: Fingerprints) -> Statistics:
    """Compute the statistics of a category from the fingerprints of its images."""
    train, test = fingerprints.of_split("train"), fingerprints.of_split("test")
    defective = [item for item in test.items if item.label]
    masks = fingerprints.masks
    areas = masks[~np.isnan(masks)].astype(float)
    sizes = collections.Counter((item.width, item.height) for item in fingerprints.items)
    by_size = sorted(sizes.items(), key=lambda pair: (pair[0][0] * pair[0][1], pair[0]))
    empty = [item.path for item in fingerprints.items if item.has_empty_mask]
    return Statistics(
        category,
        len(train.items),
        len(test.items) - len(defective),
        len(defective),
        dict(sorted(collections.Counter(item.defect for item in defective).items())),
        {f"{width}x{height}": count for (width, height), count in by_size},
        _channels(fingerprints.gray),
        sum(item.mask is None for item in defective),
        (float(np.median(areas)), float(areas.min()), float(areas.max()))
        if len(areas)
        else (None, None, None),
        tuple(sorted(empty)),
        tuple(find_near_duplicates(train, test)),
    )


def _channels(gray: np.ndarray) -> str:
    count = int(gray.sum())
    if count in (0, len(gray)):
        return "gray" if count else "color"
    return f"{len(gray) - count} color, {count} gray"
