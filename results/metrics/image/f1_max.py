"""The best F1 score that a threshold on image scores reaches."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..metric import ImageMetric, Labels, Replicates, Scores, Weights
from ..replicates import in_parts
from ..scores import checked, counts_by_threshold, has_both_labels, weights_by_threshold


def f1_max(scores: ArrayLike, labels: ArrayLike) -> float:
    """The highest F1 that any threshold reaches."""
    values, is_defective = checked(scores, labels)
    if not has_both_labels(is_defective):
        return math.nan
    hits, flagged = counts_by_threshold(values, is_defective)
    return float((2 * hits / (flagged + hits[-1])).max())


def weighted_f1_max(scores: Scores, labels: Labels, weights: Weights) -> Replicates:
    """The same for each column of weights."""

    def of_part(part: Weights) -> Replicates:
        hits, flagged = weights_by_threshold(scores, labels, part)
        both = (hits[-1] > 0) & (flagged[-1] > hits[-1])
        best = (2 * hits / np.where(both, flagged + hits[-1], 1)).max(axis=0)
        return np.where(both, best, np.nan)

    return in_parts(of_part, weights)


METRIC = ImageMetric(
    name="f1_max",
    heading="F1-max",
    function=f1_max,
    weighted=weighted_f1_max,
    # All images flagged.
    chance=lambda share: 2 * share / (1 + share),
    higher_is_better=True,
    range="0 to 1",
    formula="max over thresholds of 2 TP / (2 TP + FP + FN)",
    sign="calling everything defective reaches 2p / (1 + p), p the share of defective images",
    meaning="the best F1 that a threshold chosen on the test set could reach",
    published="image F1-max",
)
