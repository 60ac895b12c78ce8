"""Ground truth of pixel metrics: defective pixels and regions on the preprocessed grid."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...results.records.schema import canonical_json
from ...results.storage.files import seal, unseal, write_bytes
from ..data.images.preprocessing import Preprocessing, Transform
from ..data.images.reading import label_transform, read_mask
from ..data.item import Item
from ..data.manifest import Manifest
from ..data.roots import Root
from ..system.cache.last_use import mark_used
from ..system.processes import map_in_processes
from ..system.reporting import Reporter, Task, damaged_cache_warning
from ..system.serialization import pack, unpack

VERSION = 1
"""Version of cached files; raise it when the same masks give other regions."""
_BATCH = 16
_EIGHT_NEIGHBORS = np.ones((3, 3), dtype=np.int8)
"""Pixels that touch at a corner belong to one region."""


@dataclass(frozen=True, eq=False)
class Truth:
    """Defective pixels of N test images of one category, in the order of `Manifest.test`.

    Attributes:
        images: N.
        size: side of the grid in pixels.
        pixels: (K,) int64, indices into the flattened (N, size, size), ascending.
        weights: (K,) float64, 1 / size of the pixel's region.
        regions: number of regions.
        lost: number of mask regions that lose all their pixels by resize and crop.
    """

    images: int
    size: int
    pixels: np.ndarray
    weights: np.ndarray
    regions: int
    lost: int

    @property
    def normal(self) -> int:
        """Number of pixels without a defect, including those of good images."""
        return self.images * self.size**2 - len(self.pixels)

    @property
    def images_with_defects(self) -> int:
        """Number of images with a defective pixel."""
        return len(np.unique(self.pixels // self.size**2))

    @property
    def normal_images(self) -> np.ndarray:
        """Indices of the images without a defective pixel, ascending."""
        return np.setdiff1d(np.arange(self.images), self.pixels // self.size**2)

    @property
    def pixels_of_normal_images(self) -> int:
        """Number of pixels of the images without a defective pixel."""
        return len(self.normal_images) * self.size**2

    @property
    def share(self) -> float:
        """Share of defective pixels."""
        return len(self.pixels) / (self.images * self.size**2)


def has_pixel_truth(items: Sequence[Item]) -> bool:
    """Whether there are defective test images and all of them have a mask."""
    defective = [item for item in items if item.label]
    return bool(defective) and all(item.mask is not None for item in defective)


def load_truths(
    manifest: Manifest,
    categories: Iterable[str],
    preprocessing: Preprocessing,
    cache: Path,
    reporter: Reporter,
) -> dict[str, Truth]:
    """Load the ground truth of all categories that have one, from the cache or from mask files.

    Args:
        categories: columns of R.
        preprocessing: the resize and crop of the images.
        cache: root of the cache.
        reporter: shows how many masks are read, and warns of damaged cache files.
    """
    available = [c for c in categories if has_pixel_truth(manifest.test(c))]
    paths = {c: _cache_path(cache, manifest.test(c), preprocessing) for c in available}
    found = {c: _read(path, reporter) for c, path in paths.items()}
    missing = [c for c in available if found[c] is None]
    if missing:
        total = sum(item.label for category in missing for item in manifest.test(category))
        with reporter.task("reading masks", total, "masks") as task:
            for category in missing:
                items = manifest.test(category)
                masked = [item for item in items if item.label]
                labeled = read_regions(manifest.root, masked, preprocessing, task)
                found[category] = truth = _assemble(items, labeled, preprocessing.crop)
                write_bytes(paths[category], seal(pack(dict(vars(truth)))))
    return {category: truth for category, truth in found.items() if truth is not None}


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of one mask: pixels (k,) int64, weights (k,) float64, counts as in `Truth`, and the
    fraction of the image that the mask covers."""

    pixels: np.ndarray
    weights: np.ndarray
    regions: int
    lost: int
    area: float


def find_regions(
    mask: np.ndarray, preprocessing: Preprocessing, transform: Transform | None = None
) -> Regions:
    """Find the 8-connected regions of a mask after the image's resize and crop.

    Regions and their sizes are determined on the grid: regions that the resize joins are one.

    Args:
        mask: (H, W) bool.
        preprocessing: the resize and crop.
        transform: a change of the image that moves its defects; None for none.
    """
    from scipy.ndimage import label

    numbered, before = label(mask, structure=_EIGHT_NEIGHBORS)
    transformed = preprocessing.apply_labels(numbered, transform)
    grid, regions = label(transformed > 0, structure=_EIGHT_NEIGHBORS)
    pixels = np.flatnonzero(grid)
    sizes = np.bincount(grid.ravel(), minlength=regions + 1)
    weights = 1.0 / sizes[grid.ravel()[pixels]]
    kept = np.unique(transformed[transformed > 0]).size
    return Regions(pixels, weights, regions, before - kept, float(mask.mean()))


def read_regions(
    root: Root, items: Sequence[Item], preprocessing: Preprocessing, task: Task
) -> list[Regions]:
    """Read the masks of items in worker processes and find their regions.

    Args:
        items: images with a mask.
        preprocessing: the resize and crop of the images.
        task: advances with every mask.
    """
    jobs = (
        (root, items[start : start + _BATCH], preprocessing)
        for start in range(0, len(items), _BATCH)
    )
    found: list[Regions] = []
    here = len(items) <= _BATCH
    for part in map_in_processes(_label_masks, jobs, workers=0 if here else None):
        found += part
        task.advance(len(part))
    return found


def _label_masks(job: tuple[Root, Sequence[Item], Preprocessing]) -> list[Regions]:
    root, items, preprocessing = job
    return [
        find_regions(read_mask(root, item), preprocessing, label_transform(item)) for item in items
    ]


def _assemble(items: Sequence[Item], labeled: Sequence[Regions], size: int) -> Truth:
    places = [index for index, item in enumerate(items) if item.label]
    offsets = [index * size**2 for index in places]
    return Truth(
        images=len(items),
        size=size,
        pixels=np.concatenate([r.pixels + o for r, o in zip(labeled, offsets, strict=True)]),
        weights=np.concatenate([r.weights for r in labeled]),
        regions=sum(r.regions for r in labeled),
        lost=sum(r.lost for r in labeled),
    )


def _cache_path(cache: Path, items: Sequence[Item], preprocessing: Preprocessing) -> Path:
    content = {
        "version": VERSION,
        "preprocessing": preprocessing.as_dict(),
        "items": [[item.label, item.mask if item.label else None] for item in items],
    }
    return cache / "masks" / hashlib.sha256(canonical_json(content)).hexdigest()


def _read(path: Path, reporter: Reporter) -> Truth | None:
    content = unseal(path, damaged_cache_warning(reporter))
    if content is None:
        return None
    mark_used(path)
    return Truth(**unpack(content))
