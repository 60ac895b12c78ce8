"""Image-level metrics of one category's test images: AUROC, average precision, best F1.

Each is a pure function `(scores (N,), labels (N,)) -> float`; a label of 1 means defective and a
higher score more anomalous. All three are NaN where only one label occurs, so that they are
defined for the same categories. Ties are exact: images of one score stand or fall together.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import CadbenchError

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]


def auroc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Chance that a defective image scores above a good one, a tie counting half.

    Never flipped: below 0.5 means worse than guessing. Counted in integers (the Mann-Whitney
    statistic), so the only rounding is that of the last division.
    """
    return _auroc_compute(*_format(scores, labels))


def average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """Precision weighted by the gain in recall, over the distinct scores (no interpolation)."""
    return _average_precision_compute(*_format(scores, labels))


def f1_max(scores: ArrayLike, labels: ArrayLike) -> float:
    """The highest F1 that any threshold reaches."""
    return _f1_max_compute(*_format(scores, labels))


def _validate(scores: NDArray[np.generic], labels: NDArray[np.generic]) -> None:
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise CadbenchError(
            f"scores {scores.shape} and labels {labels.shape} must be two vectors of one length"
        )
    if not np.isin(labels, (0, 1)).all():
        raise CadbenchError("labels must be 0 (good) or 1 (defective)")
    bad = int(np.count_nonzero(~np.isfinite(scores)))
    if bad:
        raise CadbenchError(
            f"{bad} of {scores.size} image scores are NaN or infinite; a method must return "
            "finite scores"
        )


def _format(scores: ArrayLike, labels: ArrayLike) -> tuple[Scores, Labels]:
    score_array = np.asarray(scores, dtype=np.float64)
    label_array = np.asarray(labels)
    _validate(score_array, label_array)
    return score_array, label_array.astype(np.bool_)


def _auroc_compute(scores: Scores, labels: Labels) -> float:
    defective, good = scores[labels], np.sort(scores[~labels])
    if not defective.size or not good.size:
        return math.nan
    below = np.searchsorted(good, defective, side="left").sum()
    at_or_below = np.searchsorted(good, defective, side="right").sum()
    return int(below + at_or_below) / (2 * defective.size * good.size)


def _average_precision_compute(scores: Scores, labels: Labels) -> float:
    if labels.all() or not labels.any():
        return math.nan
    hits, called = _counts_by_threshold(scores, labels)
    gained = np.diff(hits, prepend=0)
    return float((hits / called * gained).sum() / hits[-1])


def _f1_max_compute(scores: Scores, labels: Labels) -> float:
    if labels.all() or not labels.any():
        return math.nan
    hits, called = _counts_by_threshold(scores, labels)
    return float((2 * hits / (called + hits[-1])).max())


def _counts_by_threshold(
    scores: Scores, labels: Labels
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Defective images and all images at or above each distinct score, from the highest down."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last_of_tie = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    hits = np.cumsum(labels[order], dtype=np.int64)[last_of_tie]
    return hits, (last_of_tie + 1).astype(np.int64)
