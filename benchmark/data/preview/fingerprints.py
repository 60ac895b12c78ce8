"""Fingerprints of images, from which statistics and near duplicates are computed; cached."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....results.storage.files import seal, unseal, write_bytes
from ...system.cache.last_use import mark_used
from ...system.processes import map_in_processes
from ...system.reporting import Task
from ..images.reading import read_mask, read_original
from ..item import Item
from ..manifest import Manifest
from ..roots import Root

VERSION = 1
"""Increased when fingerprints change, so that older cache files are ignored."""

DETAIL = 64
"""Side in pixels of the small gray copy of each image."""
HASH_SIDE = 16
"""Square root of the number of bits in a perceptual hash."""

_REDUCED = 256
_BATCH = 16


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Fingerprints of N images. The array names are keys in the cache files.

    Attributes:
        items: the images.
        bits: (N, HASH_SIDE ** 2) bool, perceptual hashes.
        detail: (N, DETAIL, DETAIL) uint8, small gray copies.
        gray: (N,) bool, whether all channels are equal.
        masks: (N,) float32, fraction of the image that its mask covers; NaN without a mask.
    """

    items: tuple[Item, ...]
    bits: np.ndarray
    detail: np.ndarray
    gray: np.ndarray
    masks: np.ndarray

    def select(self, chosen: slice | list[int]) -> Fingerprints:
        """The fingerprints at these positions."""
        items = tuple(self.items[index] for index in np.arange(len(self.items))[chosen])
        arrays = (self.bits, self.detail, self.gray, self.masks)
        return Fingerprints(items, *(array[chosen] for array in arrays))

    def of_split(self, split: str) -> Fingerprints:
        """Only the training images, or only the test images."""
        return self.select([n for n, item in enumerate(self.items) if item.split == split])


def compute_fingerprints(
    manifest: Manifest, category: str, cache: Path, task: Task, workers: int | None = None
) -> Fingerprints:
    """Fingerprints of a category, from the cache or by reading its images.

    Args:
        manifest: the dataset.
        category: one of its categories.
        cache: the cache folder.
        task: advances by one per image.
        workers: number of processes; None for one per core, 0 to read in this process.

    Returns:
        The training images, then the test images, each sorted by content.

    Raises:
        DataError: a file has changed since the manifest was built.
    """
    items = (*manifest.train(category), *manifest.test(category))
    file = _cache_file(cache, items)
    cached = _load(file, items)
    if cached is not None:
        task.advance(len(items))
        return cached
    batches = (
        _Batch(manifest.root, items[start : start + _BATCH])
        for start in range(0, len(items), _BATCH)
    )
    rows: list[tuple[np.ndarray, np.ndarray, bool, float]] = []
    few = len(items) <= 4 * _BATCH
    for part in map_in_processes(_fingerprint_batch, batches, workers=0 if few else workers):
        rows.extend(part)
        task.advance(len(part))
    bits, detail, gray, masks = zip(*rows, strict=True)
    fingerprints = Fingerprints(
        items, np.stack(bits), np.stack(detail), np.array(gray), np.array(masks, np.float32)
    )
    write_bytes(file, _pack(fingerprints))
    return fingerprints


@dataclass(frozen=True)
class _Batch:
    root: Root
    items: tuple[Item, ...]


def _fingerprint_batch(batch: _Batch) -> list[tuple[np.ndarray, np.ndarray, bool, float]]:
    return [_fingerprint(batch.root, item) for item in batch.items]


def _fingerprint(root: Root, item: Item) -> tuple[np.ndarray, np.ndarray, bool, float]:
    """A row of each array of `Fingerprints`."""
    import imagehash
    from PIL import Image

    pixels = read_original(root, item)
    first = pixels[:, :, :1]
    image = Image.fromarray(pixels).convert("L")
    if min(image.size) >= 2 * _REDUCED:  # faster; the result is smaller than this anyway
        image = image.reduce(min(image.size) // _REDUCED)
    bits = imagehash.phash(image, HASH_SIDE).hash.ravel()
    detail = np.asarray(image.resize((DETAIL, DETAIL), Image.Resampling.BOX))
    area = float("nan") if item.mask is None else float(read_mask(root, item).mean())
    return bits, detail, bool((pixels == first).all()), area


def _cache_file(cache: Path, items: Sequence[Item]) -> Path:
    digest = hashlib.sha256(f"{VERSION} {DETAIL} {HASH_SIDE}\n".encode())
    for item in items:
        digest.update(f"{item.content} {item.mask}\n".encode())
    return cache / "looks" / digest.hexdigest()


def _pack(fingerprints: Fingerprints) -> bytes:
    from safetensors.numpy import save

    arrays = {name: value for name, value in vars(fingerprints).items() if name != "items"}
    return seal(save({**arrays, "bits": np.packbits(fingerprints.bits, axis=1)}))


def _load(file: Path, items: tuple[Item, ...]) -> Fingerprints | None:
    from safetensors.numpy import load

    content = unseal(file)
    if content is None:
        return None
    mark_used(file)
    arrays = load(content)
    arrays["bits"] = np.unpackbits(arrays["bits"], axis=1).astype(bool)
    return Fingerprints(items, **arrays)
