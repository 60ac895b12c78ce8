"""What image metrics share: checked arrays, and counts of images at or above each score."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import CadbenchError
from .metric import Labels, Scores


def checked(scores: ArrayLike, labels: ArrayLike) -> tuple[Scores, Labels]:
    """Scores and labels (N,) as float64 and bool arrays.

    Raises:
        CadbenchError: lengths differ, a label is not 0 or 1, or a score is NaN or infinite.
    """
    score_array = np.asarray(scores, dtype=np.float64)
    label_array = np.asarray(labels)
    if score_array.ndim != 1 or score_array.shape != label_array.shape:
        raise CadbenchError(
            f"scores {score_array.shape} and labels {label_array.shape} must be two vectors of "
            "one length"
        )
    if not np.isin(label_array, (0, 1)).all():
        raise CadbenchError("labels must be 0 (good) or 1 (defective)")
    bad = int(np.count_nonzero(~np.isfinite(score_array)))
    if bad:
        raise CadbenchError(
            f"{bad} of {score_array.size} image scores are NaN or infinite; a method must return "
            "finite scores"
        )
    return score_array, label_array.astype(np.bool_)


def has_both_labels(labels: Labels) -> bool:
    """Whether there are good and defective images; every image metric is NaN otherwise."""
    return bool(labels.any() and not labels.all())


def counts_by_threshold(
    scores: Scores, labels: Labels
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count images by threshold, from the highest score to the lowest.

    Images of equal score are counted together.

    Returns:
        (K,) numbers of the defective and of all images at or above each of K distinct scores.
    """
    order, last_of_tie = _ranks(scores)
    hits = np.cumsum(labels[order], dtype=np.int64)[last_of_tie]
    return hits, (last_of_tie + 1).astype(np.int64)


def weights_by_threshold(
    scores: Scores, labels: Labels, weights: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same with summed weights (N, B) instead of counts: two arrays (K, B)."""
    order, last_of_tie = _ranks(scores)
    flagged = np.cumsum(weights[order], axis=0, dtype=np.float64)[last_of_tie]
    hits = np.cumsum(weights[order] * labels[order, None], axis=0, dtype=np.float64)[last_of_tie]
    return hits, flagged


def _ranks(scores: Scores) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of images by descending score, and the last position of each distinct score."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    return order, np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
