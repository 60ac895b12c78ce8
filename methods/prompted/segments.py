"""Regions of training images, for contrastive training: superpixels, or masks from files.

A mask file is named after the pixels that the backbone gets: SHA-256 of the image (3, H, W) uint8
after resizing and cropping, see `pixel_hash`. Its pixels are the numbers of regions.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...results.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

FOLDER_VARIABLE = "CADBENCH_SEGMENTS"
"""The environment variable with the folder of the masks; a record must not hold its path."""

_REGIONS = 16
"""Superpixels per image."""
_COMPACTNESS = 10.0
_RESOLVED = re.compile(r"files:[0-9a-f]{12}")


def check_source(source: str) -> None:
    """Raise `UsageError` unless this is a source of segments."""
    if source not in ("none", "slic", "files") and not _RESOLVED.fullmatch(source):
        raise UsageError(f"segments: expected none, slic or files, got {source!r}")


def resolve_source(source: str) -> str:
    """Return the source for the record's key: `files` gets a hash of the masks."""
    return f"files:{_folder_hash()}" if source == "files" else source


def segments_of(source: str, images: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return the region (B, P) int64 of each patch.

    Args:
        source: `slic` or `files:HASH`.
        images: (B, 3, H, W) uint8.
        grid: (h, w) of the patch grid, P = h * w.

    Raises:
        UsageError: scikit-image is not installed, or a mask is missing or cannot be read.
    """
    import torch

    if source.startswith("files") and source != resolve_source("files"):
        raise UsageError(
            f"{FOLDER_VARIABLE}: the masks are not those of this cell ({source}); restore them, or "
            "compute the cell again with ucad.segments=files"
        )
    pixels = images.cpu().numpy()
    regions = [_superpixels(image) if source == "slic" else _mask_of(image) for image in pixels]
    return torch.from_numpy(np.stack([_at_patches(region, grid) for region in regions]))


def pixel_hash(image: np.ndarray) -> str:
    """Return the name of the mask of an image (3, H, W) uint8, without `.png`."""
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


def _at_patches(regions: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """The region at the center of each patch (P,) of regions (H, W)."""
    rows, columns = (
        ((np.arange(count) + 0.5) * size / count).astype(int)
        for count, size in zip(grid, regions.shape, strict=True)
    )
    return regions[np.ix_(rows, columns)].astype(np.int64).ravel()


def _superpixels(image: np.ndarray) -> np.ndarray:
    try:
        from skimage.segmentation import slic
    except ImportError:
        raise UsageError(
            "ucad.segments=slic needs scikit-image, which is not installed; install it "
            "(`pip install 'cadbench[superpixels]'`), or use segments=none or files"
        ) from None
    labels: np.ndarray = slic(
        image.transpose(1, 2, 0), n_segments=_REGIONS, compactness=_COMPACTNESS, start_label=0
    )
    return labels


def _mask_of(image: np.ndarray) -> np.ndarray:
    from PIL import Image

    file = _folder() / f"{pixel_hash(image)}.png"
    try:
        with Image.open(file) as opened:
            mask: Any = np.asarray(opened)
    except OSError as error:
        raise UsageError(
            f"the mask {file.name} of a training image is missing in {FOLDER_VARIABLE} or cannot "
            "be read; docs/backbones.md says how masks are named"
        ) from error
    return mask if mask.ndim == 2 else mask[:, :, 0]


def _folder() -> Path:
    given = os.environ.get(FOLDER_VARIABLE)
    if not given or not Path(given).is_dir():
        raise UsageError(
            f"ucad.segments=files needs the folder of the masks in the environment variable "
            f"{FOLDER_VARIABLE}, which is {given or 'not set'}"
        )
    return Path(given)


def _folder_hash() -> str:
    """12 digits of a hash of the names and contents of the masks."""
    digest = hashlib.sha256()
    for file in sorted(_folder().glob("*.png")):
        digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]
