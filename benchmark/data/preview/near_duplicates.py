"""Find test images that repeat a training image at another size, encoding or brightness.

All images of an industrial category are similar, so their fine detail is compared, which differs
from part to part but survives copying. The training images show how similar the detail of different
parts is. Copies that are shifted, rotated or cropped by more than half a percent are not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..item import Item
from .fingerprints import Fingerprints

MIN_SIMILARITY = 0.965
"""Minimum correlation of detail. In seven real and fifteen synthetic categories, different parts
reach 0.987; in one category they would exceed this limit without MIN_RATIO."""
MIN_RATIO = 8.0
"""The difference (1 - correlation) of a copy must be this many times smaller than the median
difference between a training image and its nearest other training image."""
_BLOCK = 1024
_SAMPLE = 256
_SIGMA = 1.5
_VISIBLE = 0.25
"""Gray levels: an image whose average detail is below this has no detail to compare."""


class DuplicatePair(NamedTuple):
    """A test image, the training image that it repeats, and the correlation of their detail."""

    test: Item
    train: Item
    similarity: float


def find_near_duplicates(train: Fingerprints, test: Fingerprints) -> list[DuplicatePair]:
    """Find the test images that repeat a training image with other pixels.

    Args:
        train: fingerprints of the training images of a category.
        test: fingerprints of its test images.

    Returns:
        At most one pair per test image, the most similar first. Test images with exactly the pixels
        of a training image are left out.
    """
    if not train.items or not test.items:
        return []
    common = common_detail(train)
    limit = similarity_threshold(train, common)
    train_contents = {item.content for item in train.items}
    indices, similar = _nearest(test.items, test.detail, train, common)
    pairs = [
        DuplicatePair(item, train.items[index], float(similarity))
        for item, index, similarity in zip(test.items, indices, similar, strict=True)
        if similarity >= limit and item.content not in train_contents
    ]
    return sorted(pairs, key=lambda pair: (-pair.similarity, pair.test.path))


def common_detail(train: Fingerprints) -> np.ndarray:
    """(DETAIL, DETAIL) float32: the detail that all training images share, which is removed.

    The images are sorted by content hash, so the first are random ones.
    """
    return np.median(_fine(train.detail[:_SAMPLE]), axis=0)


def similarity_threshold(train: Fingerprints, common: np.ndarray) -> float:
    """The correlation of detail from which a test image counts as a copy of a training image.

    The median makes it insensitive to training images that are copies of each other.

    Args:
        train: fingerprints of the training images.
        common: their common detail.
    """
    _, similar = _nearest(train.items[:_SAMPLE], train.detail[:_SAMPLE], train, common)
    return max(MIN_SIMILARITY, 1 - (1 - float(np.median(similar))) / MIN_RATIO)


def _nearest(
    items: Sequence[Item], detail: np.ndarray, train: Fingerprints, common: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the most similar training image of each image, ignoring those with equal pixels.

    Args:
        items: N images.
        detail: (N, DETAIL, DETAIL), their detail.
        train: fingerprints of the training images.
        common: their common detail.

    Returns:
        (N,) indices into `train`, and (N,) correlations, 0 if there is no other image.
    """
    own = np.array([item.content for item in items])
    contents = np.array([item.content for item in train.items])
    units = _unit(detail, common)
    indices, similar = np.zeros(len(items), int), np.zeros(len(items))
    for start in range(0, len(contents), _BLOCK):
        block = slice(start, start + _BLOCK)
        products = units @ _unit(train.detail[block], common).T
        products[own[:, None] == contents[None, block]] = 0
        best = products.argmax(axis=1)
        found = products[np.arange(len(items)), best]
        indices = np.where(found > similar, start + best, indices)
        similar = np.maximum(similar, found)
    return indices, similar


def _unit(detail: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Each image's own fine detail as a unit vector.

    Args:
        detail: (N, S, S) uint8.
        common: (S, S), the detail that the training images share.

    Returns:
        (N, S * S); zeros for an image without visible detail.
    """
    own = _fine(detail).reshape(len(detail), -1)
    direction = common.ravel() / max(float(np.linalg.norm(common)), 1e-9)
    # Subtract the projection, not `common` itself: the contrast of a copy may differ.
    own -= (own @ direction)[:, None] * direction
    length = np.linalg.norm(own, axis=1, keepdims=True)
    return np.where(length > _VISIBLE * np.sqrt(own.shape[1]), own / np.maximum(length, 1e-9), 0)


def _fine(detail: np.ndarray) -> np.ndarray:
    """The detail without light and large shapes, which all parts of a category share."""
    from scipy.ndimage import gaussian_filter

    values = detail.astype(np.float32)
    return values - gaussian_filter(values, (0, _SIGMA, _SIGMA))
