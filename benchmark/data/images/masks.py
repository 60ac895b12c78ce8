"""The mask of an image, which may be drawn in several files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from ....results.errors import DataError
from ..roots import Root
from .decoding import content_hash, decode_mask


def united_hash(contents: Sequence[str]) -> str:
    """What stands for a mask: the hash of its file, or one over those of all its files, sorted."""
    if len(contents) == 1:
        return contents[0]
    return hashlib.sha256("\n".join(sorted(contents)).encode()).hexdigest()


def read_mask(root: Root, paths: Sequence[str], expected: str | None) -> np.ndarray:
    """(H, W) bool: defective where any of the files is; `DataError` if they are not the expected.

    paths: at least one, below the root; expected: the hash in the manifest.
    """
    drawn = [decode_mask(root / path) for path in paths]
    if united_hash([content_hash(mask) for mask in drawn]) != expected:
        raise DataError(
            f"{paths[0]} changed during the run: it is not the mask that the manifest was made "
            "from; leave the dataset alone and run the same command again"
        )
    united: np.ndarray = np.logical_or.reduce(drawn)
    return united
