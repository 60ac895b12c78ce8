"""Average precision of image scores."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..metric import ImageMetric, Labels, Replicates, Scores, Weights
from ..replicates import in_parts, ratio
from ..scores import checked, counts_by_threshold, has_both_labels, weights_by_threshold


def average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """Precision weighted by the gain in recall over the distinct scores, without interpolation."""
    values, is_defective = checked(scores, labels)
    if not has_both_labels(is_defective):
        return math.nan
    hits, flagged = counts_by_threshold(values, is_defective)
    gained = np.diff(hits, prepend=0)
    return float((hits / flagged * gained).sum() / hits[-1])


def weighted_average_precision(scores: Scores, labels: Labels, weights: Weights) -> Replicates:
    """The same for each column of weights."""

    def of_part(part: Weights) -> Replicates:
        hits, flagged = weights_by_threshold(scores, labels, part)
        gained = np.diff(hits, axis=0, prepend=0)
        # Above the first image with weight, no image is flagged.
        precision = np.divide(hits, flagged, out=np.zeros_like(hits), where=flagged > 0)
        both = (hits[-1] > 0) & (flagged[-1] > hits[-1])
        return ratio((precision * gained).sum(axis=0), np.where(both, hits[-1], 0))

    return in_parts(of_part, weights)


METRIC = ImageMetric(
    name="ap",
    heading="AP",
    function=average_precision,
    weighted=weighted_average_precision,
    # The expected value for random scores, in the limit of many images.
    chance=lambda share: share,
    higher_is_better=True,
    range="0 to 1",
    formula="sum over distinct thresholds of (recall gained) * precision",
    sign="guessing reaches the share of defective images",
    meaning="average precision of the image scores, not interpolated",
    published="image AP",
)
