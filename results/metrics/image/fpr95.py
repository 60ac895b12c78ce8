"""False-positive rate at 95 % recall."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..metric import ImageMetric, Labels, Replicates, Scores, Weights, constant_chance
from ..replicates import in_parts, ratio
from ..scores import checked, counts_by_threshold, has_both_labels, weights_by_threshold


def fpr95(scores: ArrayLike, labels: ArrayLike) -> float:
    """Share of good images at or above the highest threshold with a recall of 0.95 or more."""
    values, is_defective = checked(scores, labels)
    if not has_both_labels(is_defective):
        return math.nan
    hits, flagged = counts_by_threshold(values, is_defective)
    false_alarms = flagged - hits
    return float(false_alarms[np.argmax(_found_enough(hits))] / false_alarms[-1])


def weighted_fpr95(scores: Scores, labels: Labels, weights: Weights) -> Replicates:
    """The same for each column of weights."""

    def of_part(part: Weights) -> Replicates:
        hits, flagged = weights_by_threshold(scores, labels, part)
        false_alarms = flagged - hits
        threshold = np.argmax(_found_enough(hits), axis=0)
        reached = false_alarms[threshold, np.arange(hits.shape[1])]
        return ratio(reached, np.where(hits[-1] > 0, false_alarms[-1], 0))

    return in_parts(of_part, weights)


def _found_enough(hits: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether hits / hits[-1] is at least 0.95, computed in integers, without rounding."""
    enough: NDArray[np.bool_] = 20 * hits >= 19 * hits[-1]
    return enough


METRIC = ImageMetric(
    name="fpr95",
    heading="FPR95",
    function=fpr95,
    weighted=weighted_fpr95,
    # Random scores that find 95 % of the defective images raise 95 % of the good ones.
    chance=constant_chance(0.95),
    higher_is_better=False,
    range="0 to 1",
    formula="good images at or above the highest threshold with recall >= 0.95 / good images",
    sign="guessing reaches 0.95",
    meaning="how many false alarms it costs to find 95 % of the defective images; ties are exact",
    published="FPR95, FPR@95TPR; implementations that interpolate the ROC curve differ slightly",
)
