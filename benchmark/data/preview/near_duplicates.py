"""Test images that are training images again, in another size, encoding or brightness.

Industrial images of one category all look alike, so a perceptual hash alone is of no use: of MVTec
AD's 160 test images of screws, 146 are within 4 of 64 bits of a training image. The hash finds the
training images that may be meant; then fine detail is compared that differs from part to part and
survives a copy. How alike different parts are in that, the training images tell among each other.
Copies that are shifted, turned or cut by more than half a percent are not found.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..manifest import Item
from .fingerprints import Looks

SIMILAR = 0.965
"""Correlation of detail from which two images may be one. Different parts of seven real and fifteen
drawn categories have up to 0.987 and would be taken for copies by it in one category, see TIMES."""
TIMES = 8.0
"""How many times less a copy differs (1 - correlation) than half of the training images do from
the training image nearest to them."""
RADIUS = 40
"""Bits of 256 in which the hashes of a copy may differ."""

_CANDIDATES = 16
_BLOCK = 256
_SAMPLE = 256
_SIGMA = 1.5
_VISIBLE = 0.25
"""Gray levels: an image with less detail than this on average has none to compare."""


class Pair(NamedTuple):
    """A test image, the training image that it resembles, and the correlation of their detail."""

    test: Item
    train: Item
    similarity: float


def near_duplicates(train: Looks, test: Looks) -> list[Pair]:
    """At most one pair a test image, the most similar first; equal images are not among them.

    Memory and time stay bounded: each test image is compared by its hash with all training images
    (a matrix product in blocks), and in detail with the 16 nearest of these.
    """
    if not train.items or not test.items:
        return []
    usual = usual_detail(train)
    limit = threshold(train, usual)
    known = {item.content for item in train.items}
    places, similar = _nearest(test, train, usual, radius=RADIUS)
    pairs = [
        Pair(item, train.items[place], float(similarity))
        for item, place, similarity in zip(test.items, places, similar, strict=True)
        if similarity >= limit and item.content not in known
    ]
    return sorted(pairs, key=lambda pair: (-pair.similarity, pair.test.path))


def usual_detail(train: Looks) -> np.ndarray:
    """(DETAIL, DETAIL) float32: what the training images have in common, which tells nothing."""
    return np.median(_fine(_spread(train).detail), axis=0)


def threshold(train: Looks, usual: np.ndarray) -> float:
    """The correlation of detail from which a test image counts as a training image again.

    The median makes it insensitive to training images that are copies of each other.
    """
    sample = _spread(train)
    _, similar = _nearest(sample, train, usual, radius=None)
    return max(SIMILAR, 1 - (1 - float(np.median(similar))) / TIMES)


def _spread(looks: Looks) -> Looks:
    """At most `_SAMPLE` of the images; they are sorted by content, so any will do."""
    chosen = slice(0, _SAMPLE)
    return Looks(
        looks.items[chosen],
        looks.bits[chosen],
        looks.detail[chosen],
        looks.gray[chosen],
        looks.masks[chosen],
    )


def _nearest(
    looks: Looks, train: Looks, usual: np.ndarray, *, radius: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """(N,) places in `train` and (N,) correlations: for each image the nearest training image.

    An image equal to it does not count. The correlation is 0 where no hash is within the radius.
    """
    contents = np.array([item.content for item in train.items])
    signs = _signs(train.bits)
    places, similar = [], []
    for start in range(0, len(looks.items), _BLOCK):
        block = slice(start, start + _BLOCK)
        differing = (signs.shape[1] - _signs(looks.bits[block]) @ signs.T) / 2
        own = np.array([item.content for item in looks.items[block]])
        differing[own[:, None] == contents[None, :]] = np.inf
        count = min(_CANDIDATES, differing.shape[1])
        candidates = np.argpartition(differing, count - 1, axis=1)[:, :count]
        apart = np.take_along_axis(differing, candidates, axis=1)
        needed, where = np.unique(candidates, return_inverse=True)
        where = where.reshape(candidates.shape)
        products = _unit(looks.detail[block], usual) @ _unit(train.detail[needed], usual).T
        correlation = np.take_along_axis(products, where, axis=1)
        allowed = np.isfinite(apart) if radius is None else apart <= radius
        correlation = np.where(allowed, correlation, 0.0)
        best = correlation.argmax(axis=1)[:, None]
        places.append(np.take_along_axis(candidates, best, axis=1)[:, 0])
        similar.append(np.take_along_axis(correlation, best, axis=1)[:, 0])
    return np.concatenate(places), np.concatenate(similar)


def _signs(bits: np.ndarray) -> np.ndarray:
    """As -1 and 1: products of such rows count the bits in which they agree, exactly."""
    return np.where(bits, np.float32(1), np.float32(-1))


def _unit(detail: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """detail (N, S, S) uint8 -> (N, S * S): own fine detail, of length 1 or 0."""
    own = _fine(detail).reshape(len(detail), -1)
    common = usual.ravel() / max(float(np.linalg.norm(usual)), 1e-9)
    # As much of it as there is: a copy may have another contrast, and an empty image has none.
    own -= (own @ common)[:, None] * common
    length = np.linalg.norm(own, axis=1, keepdims=True)
    return np.where(length > _VISIBLE * np.sqrt(own.shape[1]), own / np.maximum(length, 1e-9), 0)


def _fine(detail: np.ndarray) -> np.ndarray:
    """Without light and large shapes, which parts of a category share."""
    from scipy.ndimage import gaussian_filter

    values = detail.astype(np.float32)
    return values - gaussian_filter(values, (0, _SIGMA, _SIGMA))
