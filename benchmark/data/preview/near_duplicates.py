"""Find test images that repeat a training image at another size, encoding or brightness.

All images of an industrial category are similar, so a perceptual hash alone is useless: of MVTec
AD's 160 test images of screws, 146 are within 4 of 64 bits of a training image. Here the hash only
selects candidates. Then the fine detail is compared, which differs from part to part but survives
copying. The training images show how similar the detail of different parts is. Copies that are
shifted, rotated or cropped by more than half a percent are not found.
"""

from __future__ import annotations

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
MAX_HASH_DISTANCE = 40
"""Maximum number of differing bits, of 256, in the hashes of a copy."""

_CANDIDATES = 16
_BLOCK = 256
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

    Each test image is compared with all training images by its hash (a matrix product in blocks),
    and with the 16 nearest of them by its detail. So memory and time are limited.

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
    indices, similar = _nearest(test, train, common, max_distance=MAX_HASH_DISTANCE)
    pairs = [
        DuplicatePair(item, train.items[index], float(similarity))
        for item, index, similarity in zip(test.items, indices, similar, strict=True)
        if similarity >= limit and item.content not in train_contents
    ]
    return sorted(pairs, key=lambda pair: (-pair.similarity, pair.test.path))


def common_detail(train: Fingerprints) -> np.ndarray:
    """(DETAIL, DETAIL) float32: the detail that all training images share, which is removed."""
    return np.median(_fine(_sample(train).detail), axis=0)


def similarity_threshold(train: Fingerprints, common: np.ndarray) -> float:
    """The correlation of detail from which a test image counts as a copy of a training image.

    The median makes it insensitive to training images that are copies of each other.

    Args:
        train: fingerprints of the training images.
        common: their common detail.
    """
    sample = _sample(train)
    _, similar = _nearest(sample, train, common, max_distance=None)
    return max(MIN_SIMILARITY, 1 - (1 - float(np.median(similar))) / MIN_RATIO)


def _sample(fingerprints: Fingerprints) -> Fingerprints:
    """At most `_SAMPLE` of the images. They are sorted by content hash, so the first are random."""
    return fingerprints.select(slice(0, _SAMPLE))


def _nearest(
    images: Fingerprints, train: Fingerprints, common: np.ndarray, *, max_distance: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Find the most similar training image of each image, ignoring those with equal pixels.

    Args:
        images: fingerprints of N images.
        train: fingerprints of the training images.
        common: their common detail.
        max_distance: maximum distance of the hashes; None for no limit.

    Returns:
        (N,) indices into `train`, and (N,) correlations, 0 if no hash is within the distance.
    """
    contents = np.array([item.content for item in train.items])
    signs = _signs(train.bits)
    indices, similar = [], []
    for start in range(0, len(images.items), _BLOCK):
        block = slice(start, start + _BLOCK)
        differing = (signs.shape[1] - _signs(images.bits[block]) @ signs.T) / 2
        own = np.array([item.content for item in images.items[block]])
        differing[own[:, None] == contents[None, :]] = np.inf
        count = min(_CANDIDATES, differing.shape[1])
        candidates = np.argpartition(differing, count - 1, axis=1)[:, :count]
        distances = np.take_along_axis(differing, candidates, axis=1)
        needed, where = np.unique(candidates, return_inverse=True)
        where = where.reshape(candidates.shape)
        products = _unit(images.detail[block], common) @ _unit(train.detail[needed], common).T
        correlation = np.take_along_axis(products, where, axis=1)
        allowed = np.isfinite(distances) if max_distance is None else distances <= max_distance
        correlation = np.where(allowed, correlation, 0.0)
        best = correlation.argmax(axis=1)[:, None]
        indices.append(np.take_along_axis(candidates, best, axis=1)[:, 0])
        similar.append(np.take_along_axis(correlation, best, axis=1)[:, 0])
    return np.concatenate(indices), np.concatenate(similar)


def _signs(bits: np.ndarray) -> np.ndarray:
    """Bits as -1 and 1, so that a product of two rows counts equal minus differing bits exactly."""
    return np.where(bits, np.float32(1), np.float32(-1))


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
