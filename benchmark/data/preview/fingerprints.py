"""What a preview has to know of every image: each is read once, and remembered by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....results.storage.files import seal, unseal, write_bytes
from ...system.processes import map_in_processes
from ...system.reporting import Task
from ..images.decoding import decode
from ..images.reading import read_mask
from ..manifest import Item, Manifest, verify_unchanged
from ..roots import Root

VERSION = 1
"""Raised when what is kept of an image changes, so that what was remembered is dropped."""

DETAIL = 64
"""Side in pixels of the small gray image that is kept of each."""
HASH_SIDE = 16
"""The perceptual hash has the square of it in bits."""

_REDUCED = 256
_BATCH = 16


@dataclass(frozen=True, eq=False)
class Looks:
    """What is kept of N images, in the order of `items`.

    bits (N, HASH_SIDE ** 2) bool: perceptual hashes; detail (N, DETAIL, DETAIL) uint8: the images,
    gray and small; gray (N,) bool: whether all channels are equal; masks (N,) float32: the share of
    the image that its mask covers, NaN where it has none.
    """

    items: tuple[Item, ...]
    bits: np.ndarray
    detail: np.ndarray
    gray: np.ndarray
    masks: np.ndarray

    def part(self, split: str) -> Looks:
        """The training or the test images alone."""
        chosen = [place for place, item in enumerate(self.items) if item.split == split]
        arrays = (self.bits, self.detail, self.gray, self.masks)
        return Looks(tuple(self.items[place] for place in chosen), *(a[chosen] for a in arrays))


def survey(
    manifest: Manifest, category: str, cache: Path, task: Task, workers: int | None = None
) -> Looks:
    """The looks of a category's images, training first, each split sorted by content.

    `task` advances by every image. They are read in `workers` processes (None: one a core, 0: here)
    unless `cache` remembers them. `DataError` where a file is no longer what the manifest was made
    from.
    """
    items = (*manifest.train(category), *manifest.test(category))
    place = _place(cache, items)
    found = _read(place, items)
    if found is not None:
        task.advance(len(items))
        return found
    jobs = (
        _Job(manifest.root, items[start : start + _BATCH]) for start in range(0, len(items), _BATCH)
    )
    read: list[tuple[np.ndarray, np.ndarray, bool, float]] = []
    few = len(items) <= 4 * _BATCH
    for part in map_in_processes(_look_at_all, jobs, workers=0 if few else workers):
        read.extend(part)
        task.advance(len(part))
    bits, detail, gray, masks = zip(*read, strict=True)
    looks = Looks(
        items, np.stack(bits), np.stack(detail), np.array(gray), np.array(masks, np.float32)
    )
    write_bytes(place, _pack(looks))
    return looks


@dataclass(frozen=True)
class _Job:
    root: Root
    items: tuple[Item, ...]


def _look_at_all(job: _Job) -> list[tuple[np.ndarray, np.ndarray, bool, float]]:
    return [_look_at(job.root, item) for item in job.items]


def _look_at(root: Root, item: Item) -> tuple[np.ndarray, np.ndarray, bool, float]:
    import imagehash
    from PIL import Image

    pixels = decode(root / item.path)
    verify_unchanged(item, pixels)
    first = pixels[:, :, :1]
    image = Image.fromarray(pixels).convert("L")
    if min(image.size) >= 2 * _REDUCED:  # fast, and nothing that is kept is as fine
        image = image.reduce(min(image.size) // _REDUCED)
    bits = imagehash.phash(image, HASH_SIDE).hash.ravel()
    detail = np.asarray(image.resize((DETAIL, DETAIL), Image.Resampling.BOX))
    share = float("nan") if item.mask is None else float(read_mask(root, item).mean())
    return bits, detail, bool((pixels == first).all()), share


def _place(cache: Path, items: Sequence[Item]) -> Path:
    digest = hashlib.sha256(f"{VERSION} {DETAIL} {HASH_SIDE}\n".encode())
    for item in items:
        digest.update(f"{item.content} {item.mask}\n".encode())
    return cache / "looks" / digest.hexdigest()


def _pack(looks: Looks) -> bytes:
    from safetensors.numpy import save

    arrays = {name: value for name, value in vars(looks).items() if name != "items"}
    return seal(save({**arrays, "bits": np.packbits(looks.bits, axis=1)}))


def _read(place: Path, items: tuple[Item, ...]) -> Looks | None:
    from safetensors.numpy import load

    content = unseal(place)
    if content is None:
        return None
    arrays = load(content)
    arrays["bits"] = np.unpackbits(arrays["bits"], axis=1).astype(bool)
    return Looks(items, **arrays)
