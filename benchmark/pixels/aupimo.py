"""AUPIMO: the area under each anomalous image's overlap at very low false-positive rates.

Bertoldo et al., "AUPIMO: Redefining Visual Anomaly Detection Benchmarks with High Speed and Low
Tolerance" (2024). A threshold's false-positive rate is the share of the pixels of normal images at
or above it; the overlap of an anomalous image is the share of its defective pixels there. Each
image's overlap is integrated over the logarithm of the rate. Only the highest scores of normal
images matter: at 1e-4, one pixel in 10,000.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

FPR_BOUNDS = (1e-5, 1e-4)
"""The rates between which the overlap is integrated."""


@dataclass(frozen=True, eq=False)
class HighestScores:
    """The highest scores of the pixels of normal images.

    Attributes:
        values: (J,) distinct, ascending; enough of them to reach the upper bound of the rate.
        above: (J,) number of pixels above each value.
        at_or_above: (J,) number of pixels at or above it.
        pixels: number of all pixels of normal images.
    """

    values: np.ndarray
    above: np.ndarray
    at_or_above: np.ndarray
    pixels: int


def highest_scores(
    chunks: Iterable[Tensor], pixels: int, bounds: tuple[float, float] = FPR_BOUNDS
) -> HighestScores:
    """Find the highest scores of normal images; memory is bounded also if many are equal.

    Args:
        chunks: scores of the pixels of normal images (n,).
        pixels: number of all these pixels.
        bounds: the lowest and the highest false-positive rate.
    """
    needed = math.floor(bounds[1] * pixels) + 1
    values, counts = np.empty(0, np.float32), np.empty(0, np.int64)
    for chunk in chunks:
        # One more than needed shows whether others are equal to the last.
        highest = chunk.topk(min(needed + 1, len(chunk))).values
        fresh, fresh_counts = np.unique(highest.cpu().numpy(), return_counts=True)
        if fresh_counts[0] > 1:
            fresh_counts[0] = int((chunk == float(fresh[0])).sum())
        values, places = np.unique(np.concatenate([values, fresh]), return_inverse=True)
        counts = np.bincount(places, np.concatenate([counts, fresh_counts])).astype(np.int64)
        reached = np.cumsum(counts[::-1])[::-1] - counts < needed
        values, counts = values[reached], counts[reached]
    at_or_above = np.cumsum(counts[::-1])[::-1]
    return HighestScores(values, at_or_above - counts, at_or_above, pixels)


def aupimo(
    defective: np.ndarray,
    images: np.ndarray,
    normal: HighestScores,
    bounds: tuple[float, float] = FPR_BOUNDS,
) -> float:
    """The mean over anomalous images of their normalized area.

    The curve is exact: it has a point above and a point at every distinct score of a normal pixel,
    and straight lines over the logarithm of the rate between the two, cut exactly at the bounds.
    Below the lowest rate that the normal pixels resolve, the overlap is that without any false
    positive.

    Args:
        defective: (K,) scores of the defective pixels.
        images: (K,) the image of each of them.
        normal: the highest scores of normal images.
        bounds: the lowest and the highest false-positive rate.

    Returns:
        A value from 0 to 1; NaN without a defective pixel or a normal image.
    """
    if not len(defective) or not normal.pixels:
        return math.nan
    sizes = np.bincount(images)
    above, at_or_above = (
        _overlap(normal.values, defective, images, sizes, side) for side in ("left", "right")
    )
    low, high = np.log(bounds[0]), np.log(bounds[1])
    with np.errstate(divide="ignore"):
        start, stop = (np.log(n / normal.pixels) for n in (normal.above, normal.at_or_above))
    is_first = normal.above == 0  # from no false positive on: no line, the overlap there
    start, rise = np.where(is_first, low, start), np.where(is_first, 0.0, at_or_above - above)
    begin, end = np.clip(start, low, high), np.clip(stop, low, high)
    length = np.maximum(stop - start, np.finfo(float).tiny)
    middle = above + rise * np.clip(((begin + end) / 2 - start) / length, 0.0, 1.0)
    areas = (middle * np.maximum(end - begin, 0.0)).sum(axis=1) / (high - low)
    return float(areas.mean())


def _overlap(
    values: np.ndarray,
    defective: np.ndarray,
    images: np.ndarray,
    sizes: np.ndarray,
    side: Literal["left", "right"],
) -> np.ndarray:
    """(I, J) share of each image's defective pixels above (`left`) or at or above each value."""
    counted = defective >= values[0]
    # For `left` the number of values below a score, for `right` of those at or below it.
    passed = np.searchsorted(values, defective[counted], side=side)
    shape = len(sizes), len(values) + 1
    counts = np.bincount(images[counted] * shape[1] + passed, minlength=shape[0] * shape[1])
    at_least = np.cumsum(counts.reshape(shape)[:, ::-1], axis=1)[:, ::-1]
    anomalous = sizes > 0
    share: np.ndarray = at_least[anomalous, 1:] / sizes[anomalous, None]
    return share
