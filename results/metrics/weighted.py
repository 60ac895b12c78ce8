"""The image metrics of many weightings of one cell's images at once, as a bootstrap needs them.

Each is `(scores (N,), labels (N,), weights (N, B)) -> (B,) float64`: column b is the metric with
image i counted weights[i, b] times, NaN where a label has no weight. With whole float32 weights
all counts are exact, so a column of ones gives the number of metrics.image. Images are
ranked once and weights summed along the ranks: N B steps, where counting pairs would take N^2 B.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]
Weights = NDArray[np.floating]
Replicates = NDArray[np.float64]

_CHUNK = 2**20
"""Weights that are worked on at once: some megabytes, however many images and weightings."""


def auroc(scores: Scores, labels: Labels, weights: Weights) -> Replicates:
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
        pairs = 2 * _total(defective) * cumulated[-1]
        return _ratio(np.einsum("ij,ij->j", won, defective, dtype=np.float64), pairs)

    return _in_parts(of_part, weights)


def average_precision(scores: Scores, labels: Labels, weights: Weights) -> Replicates:
    """Precision weighted by the gain in recall, over the distinct scores."""

    def of_part(part: Weights) -> Replicates:
        hits, called = _by_threshold(scores, labels, part)
        gained = np.diff(hits, axis=0, prepend=0)
        # Where no image has weight yet, none is gained either.
        precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
        both = (hits[-1] > 0) & (called[-1] > hits[-1])
        return _ratio((precision * gained).sum(axis=0), np.where(both, hits[-1], 0))

    return _in_parts(of_part, weights)


def f1_max(scores: Scores, labels: Labels, weights: Weights) -> Replicates:
    """The highest F1 that any threshold reaches."""

    def of_part(part: Weights) -> Replicates:
        hits, called = _by_threshold(scores, labels, part)
        both = (hits[-1] > 0) & (called[-1] > hits[-1])
        best = (2 * hits / np.where(both, called + hits[-1], 1)).max(axis=0)
        return np.where(both, best, np.nan)

    return _in_parts(of_part, weights)


WEIGHTED: Mapping[str, Callable[[Scores, Labels, Weights], Replicates]] = {
    "auroc": auroc,
    "ap": average_precision,
    "f1_max": f1_max,
}


def _by_threshold(
    scores: Scores, labels: Labels, part: Weights
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(K, B) weight of the defective and of all images at or above each of K distinct scores."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last_of_tie = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    called = np.cumsum(part[order], axis=0, dtype=np.float64)[last_of_tie]
    hits = np.cumsum(part[order] * labels[order, None], axis=0, dtype=np.float64)[last_of_tie]
    return hits, called


def _in_parts(of_part: Callable[[Weights], Replicates], weights: Weights) -> Replicates:
    if not len(weights):
        return np.full(weights.shape[1], np.nan)
    slices = parts(len(weights), weights.shape[1], _CHUNK)
    return np.concatenate([of_part(weights[:, part]) for part in slices])


def parts(size: int, replicates: int, room: int) -> Iterator[slice]:
    """Slices of the replicates, `size` numbers each, that hold about `room` numbers."""
    step = max(1, room // max(1, size))
    return (slice(start, start + step) for start in range(0, replicates, step))


def _total(weights: Weights) -> Replicates:
    return weights.sum(axis=0, dtype=np.float64)


def _ratio(numerator: Replicates, denominator: Replicates) -> Replicates:
    empty = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=empty, where=denominator > 0)
