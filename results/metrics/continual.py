"""Continual metrics: pure functions of the matrix R and of who was introduced when.

R (T, C) float64 holds the metric of category c after experience t = 1..T in row t - 1, NaN where
it was not measured or is undefined. s (C,) int holds the experience, from 1, that introduces c.
Terms that are NaN do not enter a mean; `Measured.n` says how many categories did, and an empty
mean is NaN. `metrics.definitions` states the formulae, signs and published namesakes.

The functions of R also take a stack (B, T, C), such as bootstrap replicates of one matrix: then
`Measured.value` is (B,) float64, and a term enters where every matrix of the stack defines it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import CadbenchError
from . import image

Matrix = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Measured:
    """A value (of a stack of matrices: an array of values) and how many categories entered it."""

    value: float
    n: int


def acc(R: ArrayLike, s: ArrayLike) -> Measured:
    """Mean of the last row."""
    matrix, _ = _checked(R, s)
    return _mean(matrix[..., -1, :])


def acc_incremental(R: ArrayLike, s: ArrayLike) -> Measured:
    """Mean over experiences of the mean over the categories seen until then."""
    matrix, first = _checked(R, s)
    seen = np.where(_experiences(matrix) >= first, matrix, np.nan)
    entered = int((~np.isnan(seen)).any(axis=-2).sum(axis=-1).min())
    rows = [_mean(seen[..., t, :]).value for t in range(seen.shape[-2])]
    return Measured(_mean(np.stack(rows, axis=-1)).value, entered)


def acc_learned(R: ArrayLike, s: ArrayLike) -> Measured:
    """Mean of every category's value right after the experience that introduces it."""
    matrix, first = _checked(R, s)
    return _mean(_when_learned(matrix, first))


def bwt(R: ArrayLike, s: ArrayLike) -> Measured:
    """Mean change since learning over the categories of earlier experiences than the last."""
    matrix, first = _checked(R, s)
    return _mean(_change(matrix, first)[..., first < matrix.shape[-2]])


def bwt_all(R: ArrayLike, s: ArrayLike) -> Measured:
    """Mean change since learning over all categories, the last experience's zeros included."""
    matrix, first = _checked(R, s)
    return _mean(_change(matrix, first))


def fm(R: ArrayLike, s: ArrayLike) -> Measured:
    """Mean fall from the best value before the last experience; positive means forgetting."""
    return _mean(_falls(*_checked(R, s)))


def fm_clamped(R: ArrayLike, s: ArrayLike) -> Measured:
    """As `fm`, a category that improved counting as zero."""
    return _mean(np.maximum(_falls(*_checked(R, s)), 0.0))


def worst_drop(R: ArrayLike, s: ArrayLike) -> Measured:
    """The most negative change since learning."""
    matrix, first = _checked(R, s)
    return _worst(_change(matrix, first))


def expert_forgetting(R: ArrayLike, s: ArrayLike, owner: ArrayLike) -> Measured:
    """Mean over experts of the mean change since learning of their categories.

    `owner` (C,) int is the expert that owns each category, -1 for none.
    """
    return _over_experts(R, s, owner, _mean)


def expert_worst_drop(R: ArrayLike, s: ArrayLike, owner: ArrayLike) -> Measured:
    """Mean over experts of the worst change since learning of their categories."""
    return _over_experts(R, s, owner, _worst)


def fwt(R: ArrayLike, s: ArrayLike, chance: ArrayLike = 0.5) -> Measured:
    """Mean lead over `chance` (a number, or (C,) one a category) just before being learned."""
    matrix, first = _checked(R, s)
    later = first > 1
    before = matrix[..., first[later] - 2, np.flatnonzero(later)]
    return _mean(before - np.broadcast_to(chance, first.shape)[later])


def gap_to_joint(R: ArrayLike, s: ArrayLike, joint: ArrayLike) -> Measured:
    """acc(joint) - acc over the categories defined in both; `joint` is its R, same columns."""
    matrix, _ = _checked(R, s)
    joint_matrix, _ = _checked(joint, np.ones(matrix.shape[-1], dtype=np.int64))
    return _mean(joint_matrix[..., -1, :] - matrix[..., -1, :])


def pooled_auroc(
    scores: ArrayLike, labels: ArrayLike, category: ArrayLike, s: ArrayLike, t: int
) -> Measured:
    """One AUROC over the test images of every category seen after experience t.

    `scores`, `labels` and `category` (N,) are the images scored after t; `category` holds
    columns of R. Unlike a mean of AUROCs this asks whether scores of different categories, and
    so of different experts, can be compared.
    """
    column = np.asarray(category, dtype=np.int64)
    seen = np.asarray(s, dtype=np.int64)[column] <= t
    value = image.auroc(np.asarray(scores)[seen], np.asarray(labels)[seen])
    return Measured(value, int(np.unique(column[seen]).size))


def routing_accuracy(route: ArrayLike, category: ArrayLike, owner: ArrayLike) -> Measured:
    """Share of images sent to the expert that owns their category.

    `route` (N,) int is the expert an image was sent to, `category` (N,) the column of R it
    belongs to, `owner` (C,) the owner of each. Images without a route, and those of categories
    that nobody owns yet (-1), do not enter.
    """
    sent = np.asarray(route, dtype=np.int64)
    column = np.asarray(category, dtype=np.int64)
    wanted = np.asarray(owner, dtype=np.int64)[column]
    counted = (sent >= 0) & (wanted >= 0)
    if not counted.any():
        return Measured(math.nan, 0)
    share = float((sent == wanted)[counted].mean())
    return Measured(share, int(np.unique(column[counted]).size))


# What follows from (R, s) alone, and what also needs the owner of each category.
OF_MATRIX: Mapping[str, Callable[[ArrayLike, ArrayLike], Measured]] = {
    "acc": acc,
    "acc_incremental": acc_incremental,
    "acc_learned": acc_learned,
    "bwt": bwt,
    "bwt_all": bwt_all,
    "fm": fm,
    "fm_clamped": fm_clamped,
    "worst_drop": worst_drop,
}
OF_EXPERTS: Mapping[str, Callable[[ArrayLike, ArrayLike, ArrayLike], Measured]] = {
    "expert_forgetting": expert_forgetting,
    "expert_worst_drop": expert_worst_drop,
}


def _checked(R: ArrayLike, s: ArrayLike) -> tuple[Matrix, Index]:
    matrix, first = np.asarray(R, dtype=np.float64), np.asarray(s, dtype=np.int64)
    if matrix.ndim not in (2, 3) or not matrix.shape[-2] or first.shape != matrix.shape[-1:]:
        raise CadbenchError(
            f"R {matrix.shape} must be (experiences, categories) and s {first.shape} (categories,)"
        )
    if ((first < 1) | (first > matrix.shape[-2])).any():
        raise CadbenchError(
            f"s must name experiences from 1 to {matrix.shape[-2]}, not {first.tolist()}"
        )
    if np.isinf(matrix).any():
        raise CadbenchError("R holds infinite values; only NaN may stand for 'not measured'")
    return matrix, first


def _mean(terms: Matrix) -> Measured:
    """Of the terms (C,), or of each row of a stack (B, C)."""
    return _over_defined(terms, np.mean)


def _worst(terms: Matrix) -> Measured:
    return _over_defined(terms, np.min)


def _over_defined(terms: Matrix, reduce: Callable[..., Any]) -> Measured:
    missing = np.isnan(terms)
    defined = terms[..., ~(missing if terms.ndim == 1 else missing.any(axis=0))]
    n = defined.shape[-1]
    value: Any = reduce(defined, axis=-1) if n else np.full(terms.shape[:-1], math.nan)
    return Measured(float(value) if terms.ndim == 1 else value, n)


def _experiences(matrix: Matrix) -> Index:
    """(T, 1): the number of each row's experience."""
    return np.arange(1, matrix.shape[-2] + 1)[:, None]


def _when_learned(matrix: Matrix, first: Index) -> Matrix:
    learned: Matrix = matrix[..., first - 1, np.arange(len(first))]
    return learned


def _change(matrix: Matrix, first: Index) -> Matrix:
    last: Matrix = matrix[..., -1, :]
    return last - _when_learned(matrix, first)


def _falls(matrix: Matrix, first: Index) -> Matrix:
    """(C,): best value from learning to before the last experience, minus the last one.

    NaN for categories of the last experience, and where the value at learning is undefined, so
    that `fm` and `bwt` are means over the same categories.
    """
    t, last = _experiences(matrix), matrix.shape[-2]
    before_last = (t >= first) & (t < last) & ~np.isnan(matrix)
    best = np.where(before_last, matrix, -np.inf).max(axis=-2)
    entering = (first < last) & ~np.isnan(_when_learned(matrix, first))
    return np.where(entering, best - matrix[..., -1, :], np.nan)


def _over_experts(
    R: ArrayLike, s: ArrayLike, owner: ArrayLike, inside: Callable[[Matrix], Measured]
) -> Measured:
    matrix, first = _checked(R, s)
    owners = np.asarray(owner, dtype=np.int64)
    if owners.shape != first.shape:
        raise CadbenchError(f"owner {owners.shape} must name one expert a category {first.shape}")
    change = _change(matrix, first)
    experts = [inside(change[..., owners == expert]) for expert in np.unique(owners[owners >= 0])]
    if not experts:
        return _mean(change[..., :0])
    value = _mean(np.stack([expert.value for expert in experts], axis=-1)).value
    return Measured(value, sum(expert.n for expert in experts))
