"""Where the defects of a category's test images are, on the grid that the backbone sees."""

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
from ..system.processes import map_in_processes
from ..system.reporting import Reporter, damaged_cache_warning

VERSION = 1
"""Of what is cached; raise it when the same masks give other regions."""
_BATCH = 16
_EIGHT = np.ones((3, 3), dtype=np.int8)
"""Pixels that touch at a corner belong to one region."""


@dataclass(frozen=True, eq=False)
class Truth:
    """Defective pixels of N test images of one category, in the order of `Manifest.test`.

    pixels (K,) int64: places in the flattened (N, size, size), rising; weights (K,) float64: one
    over the size of the pixel's region; regions: how many there are; lost: regions of the masks
    of which the resize and the crop leave nothing.
    """

    images: int
    size: int
    pixels: np.ndarray
    weights: np.ndarray
    regions: int
    lost: int

    @property
    def normal(self) -> int:
        """Pixels without a defect, those of good images included."""
        return self.images * self.size**2 - len(self.pixels)

    @property
    def share(self) -> float:
        """Defective pixels among all."""
        return len(self.pixels) / (self.images * self.size**2)


def has_pixel_truth(items: Sequence[Item]) -> bool:
    """Whether some test image is defective and every one that is has a mask."""
    defective = [item for item in items if item.label]
    return bool(defective) and all(item.mask is not None for item in defective)


def load_truths(
    manifest: Manifest,
    categories: Iterable[str],
    preprocessing: Preprocessing,
    cache: Path,
    reporter: Reporter,
    *,
    workers: int | None = None,
) -> dict[str, Truth]:
    """The truth of every category that has one: from the cache, or from its mask files."""
    found: dict[str, Truth] = {}
    missing: list[str] = []
    wanted = [c for c in categories if has_pixel_truth(manifest.test(c))]
    for category in wanted:
        truth = _read(_place(cache, manifest.test(category), preprocessing), reporter)
        if truth is None:
            missing.append(category)
        else:
            found[category] = truth
    total = sum(item.label for category in missing for item in manifest.test(category))
    if missing:
        with reporter.task("reading masks", total, "masks") as task:
            for category in missing:
                items = manifest.test(category)
                masked = [item for item in items if item.label]
                jobs = (
                    _Job(manifest.root, tuple(masked[start : start + _BATCH]), preprocessing)
                    for start in range(0, len(masked), _BATCH)
                )
                labeled: list[Regions] = []
                few = len(masked) <= _BATCH
                for part in map_in_processes(_label, jobs, workers=0 if few else workers):
                    labeled.extend(part)
                    task.advance(len(part))
                truth = _assemble(items, labeled, preprocessing.crop)
                write_bytes(_place(cache, items, preprocessing), seal(_pack(truth)))
                found[category] = truth
    return {category: found[category] for category in wanted}


@dataclass(frozen=True, eq=False)
class Regions:
    """One mask on the grid: defective pixels (k,) int64 with weights (k,) float64, and counts."""

    pixels: np.ndarray
    weights: np.ndarray
    regions: int
    lost: int


def regions_of(
    mask: np.ndarray, preprocessing: Preprocessing, transform: Transform | None = None
) -> Regions:
    """The 8-connected regions of a mask (H, W) bool after the image's resize and crop.

    What counts as a region, and its size, is decided on the grid: regions that the resize joins
    are one there. `lost` counts regions of the mask that leave no pixel on the grid.
    """
    from scipy.ndimage import label

    drawn, before = label(mask, structure=_EIGHT)
    moved = preprocessing.apply_labels(drawn, transform)
    grid, regions = label(moved > 0, structure=_EIGHT)
    pixels = np.flatnonzero(grid)
    sizes = np.bincount(grid.ravel(), minlength=regions + 1)
    weights = 1.0 / sizes[grid.ravel()[pixels]]
    kept = np.unique(moved[moved > 0]).size
    return Regions(pixels, weights, regions, before - kept)


@dataclass(frozen=True)
class _Job:
    root: Root
    items: tuple[Item, ...]
    preprocessing: Preprocessing


def _label(job: _Job) -> list[Regions]:
    found = []
    for item in job.items:
        mask = read_mask(job.root, item)
        found.append(regions_of(mask, job.preprocessing, label_transform(item)))
    return found


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


def _place(cache: Path, items: Sequence[Item], preprocessing: Preprocessing) -> Path:
    content = {
        "version": VERSION,
        "preprocessing": preprocessing.as_dict(),
        "items": [[item.label, item.mask if item.label else None] for item in items],
    }
    return cache / "masks" / hashlib.sha256(canonical_json(content)).hexdigest()


def _pack(truth: Truth) -> bytes:
    from ..system.serialization import pack

    return pack(dict(vars(truth)))


def _read(path: Path, reporter: Reporter) -> Truth | None:
    from ..system.serialization import unpack

    content = unseal(path, damaged_cache_warning(reporter))
    return None if content is None else Truth(**unpack(content))
