"""Read an image or a mask of a manifest: check that it is unchanged, apply its domain."""

from __future__ import annotations

import numpy as np

from ....results.errors import DataError
from ..item import Item
from ..roots import Root
from .decoding import content_hash, decode
from .drawn_defects import draw_defect
from .masks import read_mask_files
from .preprocessing import Preprocessing, Transform


def read_original(root: Root, item: Item) -> np.ndarray:
    """Decode the file of an image, without domain and preprocessing.

    Args:
        root: the manifest's root.
        item: the image.

    Returns:
        (H, W, 3) uint8.

    Raises:
        DataError: the file cannot be read, or has changed since the manifest was built.
    """
    pixels = decode(root / item.path, item.bits)
    verify_unchanged(item, pixels)
    return pixels


def read_image(root: Root, item: Item, preprocessing: Preprocessing) -> np.ndarray:
    """Read an image as the backbone receives it.

    Args:
        root: the manifest's root.
        item: the image; its domain is applied, or its defect drawn.
        preprocessing: resize and crop.

    Returns:
        (3, crop, crop) uint8.

    Raises:
        DataError: the file cannot be read, or has changed since the manifest was built.
    """
    pixels = read_original(root, item)
    domain = item.domain
    if item.drawn:
        assert item.original is not None
        return draw_defect(preprocessing.apply(pixels), item.drawn, item.original.content)
    if domain is None:
        return preprocessing.apply(pixels)
    content = (item.original or item).content
    return preprocessing.apply(pixels, lambda resized: domain.apply(resized, content))


def read_mask(root: Root, item: Item) -> np.ndarray:
    """Read the mask of an image at its original size, without the image's domain.

    Args:
        root: the manifest's root.
        item: an image that has a mask.

    Returns:
        (H, W) bool, True where a pixel is defective.

    Raises:
        DataError: a file cannot be read, or has changed since the manifest was built.
    """
    expected = (item.original or item).mask
    return read_mask_files(root, item.mask_paths, expected, item.mask_orientation)


def label_transform(item: Item) -> Transform | None:
    """The item's domain as a transform of label images; None if it does not move pixels."""
    moves = item.domain is not None and item.domain.moves_pixels
    return item.domain.apply_to_labels if moves and item.domain else None


def verify_unchanged(item: Item, pixels: np.ndarray) -> None:
    """Check that an image is still the one that the manifest was built from.

    Args:
        item: the image.
        pixels: (H, W, 3) uint8, its decoded file.

    Raises:
        DataError: the file has changed.
    """
    if content_hash(pixels) != (item.original or item).content:
        raise DataError(
            f"{item.path} changed during the run: its pixels are no longer those that the manifest "
            "was built from; leave the dataset alone and run the same command again"
        )
