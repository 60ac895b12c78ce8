"""AUROC of image scores."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..metric import ImageMetric, Labels, Replicates, Scores, Weights, constant_chance
from ..replicates import in_parts, ratio, total
from ..scores import checked


def auroc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Probability that a defective image scores above a good one, a tie counting half.

    Values below 0.5 are not flipped. Counted in integers (the Mann-Whitney statistic), so only the
    last division rounds.
    """
    values, is_defective = checked(scores, labels)
    defective, good = values[is_defective], np.sort(values[~is_defective])
    if not defective.size or not good.size:
        return math.nan
    below = np.searchsorted(good, defective, side="left").sum()
    at_or_below = np.searchsorted(good, defective, side="right").sum()
    return int(below + at_or_below) / (2 * defective.size * good.size)


def weighted_auroc(scores: Scores, labels: Labels, weights: Weights) -> Replicates:
    """Weight of the (defective, good) pairs in the right order, ties half, over that of all."""
    good = np.flatnonzero(~labels)
    good = good[np.argsort(scores[good], kind="stable")]
    below = np.searchsorted(scores[good], scores[labels], side="left")
    at_or_below = np.searchsorted(scores[good], scores[labels], side="right")

    def of_part(part: Weights) -> Replicates:
        defective = part[labels]
        cumulated = np.zeros((len(good) + 1, part.shape[1]), part.dtype)
        np.cumsum(part[good], axis=0, out=cumulated[1:])
        won = cumulated[below] + cumulated[at_or_below]
        pairs = 2 * total(defective) * cumulated[-1]
        return ratio(np.einsum("ij,ij->j", won, defective, dtype=np.float64), pairs)

    return in_parts(of_part, weights)


METRIC = ImageMetric(
    name="auroc",
    heading="AUROC",
    function=auroc,
    weighted=weighted_auroc,
    chance=constant_chance(0.5),
    higher_is_better=True,
    range="0 to 1",
    formula="(pairs with the defective image above the good one + half the ties) / all pairs",
    sign="0.5 is guessing; never flipped below it",
    meaning="how well image scores separate defective from good; exact with ties",
    published="image AUROC, I-AUROC; IUF and CDAD print max(v, 1 - v) instead",
)
