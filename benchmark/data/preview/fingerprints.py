"""Small copies of images, from which statistics and near duplicates are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...system.processes import map_in_processes
from ...system.reporting import Task
from ..images.reading import read_mask, read_original
from ..item import Item
from ..manifest import Manifest
from ..roots import Root

DETAIL = 64
"""Side in pixels of the small gray copy of each image."""

_REDUCED = 256
_BATCH = 16


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Fingerprints of N images.

    Attributes:
        items: the images.
        detail: (N, DETAIL, DETAIL) uint8, small gray copies.
        gray: (N,) bool, whether all channels are equal.
        masks: (N,) float32, fraction of the image that its mask covers; NaN without a mask.
    """

    items: tuple[Item, ...]
    detail: np.ndarray
    gray: np.ndarray
    masks: np.ndarray

    def of_split(self, split: str) -> Fingerprints:
        """Only the training images, or only the test images."""
        chosen = [n for n, item in enumerate(self.items) if item.split == split]
        items = tuple(self.items[n] for n in chosen)
        return Fingerprints(items, self.detail[chosen], self.gray[chosen], self.masks[chosen])


def compute_fingerprints(
    manifest: Manifest, category: str, task: Task, workers: int | None = None
) -> Fingerprints:
    """Fingerprints of the images of a category.

    Args:
        manifest: the dataset.
        category: one of its categories.
        task: advances by one per image.
        workers: number of processes; None for one per core, 0 to read in this process.

    Returns:
        The training images, then the test images, each sorted by content.

    Raises:
        DataError: a file has changed since the manifest was built.
    """
    items = (*manifest.train(category), *manifest.test(category))
    batches = (
        _Batch(manifest.root, items[start : start + _BATCH])
        for start in range(0, len(items), _BATCH)
    )
    rows: list[tuple[np.ndarray, bool, float]] = []
    few = len(items) <= 4 * _BATCH
    for part in map_in_processes(_fingerprint_batch, batches, workers=0 if few else workers):
        rows.extend(part)
        task.advance(len(part))
    detail, gray, masks = zip(*rows, strict=True)
    return Fingerprints(items, np.stack(detail), np.array(gray), np.array(masks, np.float32))


@dataclass(frozen=True)
class _Batch:
    root: Root
    items: Sequence[Item]


def _fingerprint_batch(batch: _Batch) -> list[tuple[np.ndarray, bool, float]]:
    return [_fingerprint(batch.root, item) for item in batch.items]


def _fingerprint(root: Root, item: Item) -> tuple[np.ndarray, bool, float]:
    """A row of each array of `Fingerprints`."""
    from PIL import Image

    pixels = read_original(root, item)
    image = Image.fromarray(pixels).convert("L")
    if min(image.size) >= 2 * _REDUCED:  # faster; the result is smaller than this anyway
        image = image.reduce(min(image.size) // _REDUCED)
    detail = np.asarray(image.resize((DETAIL, DETAIL), Image.Resampling.BOX))
    area = float("nan") if item.mask is None else float(read_mask(root, item).mean())
    return detail, bool((pixels == pixels[:, :, :1]).all()), area
