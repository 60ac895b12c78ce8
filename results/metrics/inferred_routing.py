"""Metrics of runs with inferred routing, computed from scores and routes of images."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from .image.auroc import auroc
from .metric import ContinualMetric, Measured


def pooled_auroc(
    scores: ArrayLike, labels: ArrayLike, category: ArrayLike, s: ArrayLike, t: int
) -> Measured:
    """One AUROC over the test images of every category seen after experience t.

    Unlike a mean of AUROCs this measures whether scores of different categories, and so of
    different experts, are on one scale.

    Args:
        scores, labels: (N,) of the images scored after t.
        category: (N,) the column of R that each image belongs to.
        s: (C,) the experience that introduces each category.
        t: the experience, from 1.
    """
    column = np.asarray(category, dtype=np.int64)
    seen = np.asarray(s, dtype=np.int64)[column] <= t
    value = auroc(np.asarray(scores)[seen], np.asarray(labels)[seen])
    return Measured(value, int(np.unique(column[seen]).size))


POOLED_AUROC = ContinualMetric(
    name="pooled_auroc",
    heading="pooled_auroc",
    function=pooled_auroc,
    needs="scores",
    higher_is_better=True,
    range="0 to 1",
    formula="one AUROC over the test images of all c with s(c) <= t, after experience t",
    sign="0.5 is guessing",
    meaning="one threshold for all categories: scores of different experts must be comparable; "
    "inferred routing only",
)


def routing_accuracy(route: ArrayLike, category: ArrayLike, owner: ArrayLike) -> Measured:
    """Share of images sent to the expert that owns their category.

    Images without a route, and those of categories that nobody owns yet, do not enter.

    Args:
        route: (N,) the expert that each image was sent to, -1 for none.
        category: (N,) the column of R that it belongs to.
        owner: (C,) the expert that owns each category, -1 for none.
    """
    sent = np.asarray(route, dtype=np.int64)
    column = np.asarray(category, dtype=np.int64)
    wanted = np.asarray(owner, dtype=np.int64)[column]
    counted = (sent >= 0) & (wanted >= 0)
    if not counted.any():
        return Measured(math.nan, 0)
    share = float((sent == wanted)[counted].mean())
    return Measured(share, int(np.unique(column[counted]).size))


ROUTING_ACCURACY = ContinualMetric(
    name="routing_accuracy",
    heading="routing_accuracy",
    function=routing_accuracy,
    needs="scores",
    higher_is_better=True,
    range="0 to 1",
    formula="test images sent to the expert that owns their category / test images sent to any",
    meaning="how often the right expert answers; inferred routing only",
)

METRICS = (POOLED_AUROC, ROUTING_ACCURACY)
