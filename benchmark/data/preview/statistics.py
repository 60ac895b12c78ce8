"""What there is to know of a category's images before anything is run on them."""

from __future__ import annotations

import collections
from dataclasses import dataclass
from typing import Any

import numpy as np

from .fingerprints import Looks
from .near_duplicates import Pair, near_duplicates


@dataclass(frozen=True)
class Statistics:
    """A category in figures.

    defects: test images of each kind of defect; sizes: images by `WIDTHxHEIGHT`, smallest first;
    channels: `color`, `gray` (equal channels count as gray), or how many are which;
    without_mask: defective test images; mask_areas: median, least and greatest share of the image
    that a mask covers, None where there is no mask; empty_masks: the images of masks without a
    pixel; near: test images that repeat a training image.
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
    near: tuple[Pair, ...]

    @property
    def size(self) -> str:
        """`256x256`, or the smallest and the largest."""
        ends = list(self.sizes)
        return ends[0] if len(ends) == 1 else f"{ends[0]} to {ends[-1]}"

    def as_dict(self) -> dict[str, Any]:
        """For machines: every name, and no rounding."""
        areas = dict(zip(("median", "min", "max"), self.mask_areas, strict=True))
        near = [
            {"test": pair.test.path, "train": pair.train.path, "similarity": pair.similarity}
            for pair in self.near
        ]
        return {**vars(self), "mask_areas": areas, "near": near}


def statistics(category: str, looks: Looks) -> Statistics:
    """The figures of a category's images."""
    train, test = looks.part("train"), looks.part("test")
    defective = [item for item in test.items if item.label]
    areas = looks.masks[~np.isnan(looks.masks)].astype(float)
    sizes = collections.Counter((item.width, item.height) for item in looks.items)
    by_size = sorted(sizes.items(), key=lambda pair: (pair[0][0] * pair[0][1], pair[0]))
    empty = [item.path for item, area in zip(looks.items, looks.masks, strict=True) if area == 0]
    return Statistics(
        category,
        len(train.items),
        len(test.items) - len(defective),
        len(defective),
        dict(sorted(collections.Counter(item.defect for item in defective).items())),
        {f"{width}x{height}": count for (width, height), count in by_size},
        _channels(looks.gray),
        sum(item.mask is None for item in defective),
        (float(np.median(areas)), float(areas.min()), float(areas.max()))
        if len(areas)
        else (None, None, None),
        tuple(sorted(empty)),
        tuple(near_duplicates(train, test)),
    )


def _channels(gray: np.ndarray) -> str:
    count = int(gray.sum())
    if count in (0, len(gray)):
        return "gray" if count else "color"
    return f"{len(gray) - count} color, {count} gray"
