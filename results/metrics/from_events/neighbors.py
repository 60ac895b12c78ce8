"""Why a memory forgets: its nearest vectors belong to other categories."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..metric import ContinualMetric, Measured


def wrong_neighbor_rate(shares: ArrayLike) -> Measured:
    """Mean over the categories of the share of patches with a wrong neighbor.

    Args:
        shares: (C,) share of each category's test patches whose nearest stored vector belongs to
            another category.
    """
    values = np.asarray(shares, dtype=np.float64)
    return Measured(float(values.mean()) if values.size else math.nan, int(values.size))


WRONG_NEIGHBOR_RATE = ContinualMetric(
    name="wrong_neighbor_rate",
    heading="wrong_neighbor_rate",
    function=wrong_neighbor_rate,
    needs="scores",
    higher_is_better=False,
    range="0 to 1",
    formula="mean over c of (test patches nearer to a stored vector of another category than to "
    "all of their own / test patches), after the last experience",
    sign="1: nothing of the category is stored",
    meaning="why a memory forgets: patches are compared with another category; all test images, "
    "good and defective; only methods that say which category their vectors belong to",
)

METRICS = (WRONG_NEIGHBOR_RATE,)
