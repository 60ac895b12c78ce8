"""An image of a dataset and its mask on their way to the grid: read, checked, changed."""

from __future__ import annotations

import numpy as np

from ..manifest import Item, verify_unchanged
from ..roots import Root
from . import masks
from .decoding import decode
from .preprocessing import Change, Preprocessing


def read_picture(root: Root, item: Item, preprocessing: Preprocessing) -> np.ndarray:
    """(3, crop, crop) uint8; `DataError` where the file is not the one the manifest saw."""
    pixels = decode(root / item.path)
    verify_unchanged(item, pixels)
    domain = item.domain
    if domain is None:
        return preprocessing.apply(pixels)
    content = (item.original or item).content
    return preprocessing.apply(pixels, lambda resized: domain.change(resized, content))


def read_mask(root: Root, item: Item) -> np.ndarray:
    """(H, W) bool as it was drawn; `DataError` where it is not the one the manifest saw."""
    return masks.read_mask(root, item.mask_paths, (item.original or item).mask)


def change_of_labels(item: Item) -> Change | None:
    """Where the item's domain moves what its mask shows."""
    moves = item.domain is not None and item.domain.moves
    return item.domain.change_labels if moves and item.domain else None
