"""The mask of an image, which may consist of several files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from ....results.errors import DataError
from ..roots import Root
from .decoding import content_hash, decode_mask


def combined_hash(contents: Sequence[str]) -> str:
    """The hash of a mask: that of its only file, or one over the sorted hashes of its files."""
    if len(contents) == 1:
        return contents[0]
    return hashlib.sha256("\n".join(sorted(contents)).encode()).hexdigest()


def read_mask_files(root: Root, paths: Sequence[str], expected: str | None) -> np.ndarray:
    """Read a mask and check that it is still the one that the manifest was built from.

    Args:
        root: the manifest's root.
        paths: the mask's files below `root`, at least one.
        expected: its hash in the manifest.

    Returns:
        (H, W) bool, True where a pixel is defective in any of the files.

    Raises:
        DataError: a file cannot be read, or has changed.
    """
    masks = [decode_mask(root / path) for path in paths]
    if combined_hash([content_hash(mask) for mask in masks]) != expected:
        raise DataError(
            f"{paths[0]} changed during the run: it is no longer the mask that the manifest was "
            "built from; leave the dataset alone and run the same command again"
        )
    union: np.ndarray = np.logical_or.reduce(masks)
    return union
