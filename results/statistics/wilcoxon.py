"""The Wilcoxon signed-rank test, exact also with ties and zeros, and its effect size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_EXACT = 300
"""The most differences for which the exact distribution is counted; above, it is near normal."""


@dataclass(frozen=True, slots=True)
class SignedRanks:
    """Rank sums of the positive and negative differences, and the two-sided p."""

    positive: float
    negative: float
    p: float

    @property
    def effect(self) -> float:
        """Matched-pairs rank-biserial correlation: 1 where all differences are positive."""
        total = self.positive + self.negative
        return (self.positive - self.negative) / total if total else math.nan


def signed_ranks(differences: ArrayLike) -> SignedRanks:
    """Test `differences` (N,) against a distribution symmetric about zero.

    Zeros take part in the ranking and are then left out (Pratt). p is NaN with fewer than two
    differences, or only zeros. SciPy's exact method supports neither ties nor zeros, and both are
    common among AUROCs of few images.
    """
    from scipy.stats import rankdata, wilcoxon

    values = np.asarray(differences, dtype=np.float64)
    ranks = rankdata(np.abs(values)) if len(values) else np.zeros(0)
    positive, negative = float(ranks[values > 0].sum()), float(ranks[values < 0].sum())
    if len(values) < 2 or not values.any():
        return SignedRanks(positive, negative, math.nan)
    if len(values) > _EXACT:
        tested = wilcoxon(values, zero_method="pratt", method="approx")
        return SignedRanks(positive, negative, float(tested.pvalue))
    return SignedRanks(positive, negative, _exact_p(ranks[values != 0], positive))


def smallest_p(n: int) -> float:
    """The p of n differences that all have the same sign."""
    return min(1.0, 2.0 ** (1 - n))


def _exact_p(ranks: NDArray[np.float64], positive: float) -> float:
    """Two-sided p of a positive rank sum, if each rank has either sign with probability 0.5."""
    doubled = np.rint(2 * ranks).astype(np.int64)  # ties have half ranks
    chance = np.zeros(int(doubled.sum()) + 1)
    chance[0] = 1.0
    for rank in doubled:
        moved = np.zeros_like(chance)
        moved[rank:] = chance[: len(chance) - rank]
        chance = (chance + moved) / 2
    reached = round(2 * positive)
    at_most, at_least = chance[: reached + 1].sum(), chance[reached:].sum()
    return float(min(1.0, 2 * min(at_most, at_least)))
