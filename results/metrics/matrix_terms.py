"""Terms of continual metrics, one per category, and means over those that are defined.

All functions also accept a stack of matrices (B, T, C) and then return terms (B, C) or values (B,).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import CadbenchError
from .metric import Index, Matrix, Measured


def checked(R: ArrayLike, s: ArrayLike) -> tuple[Matrix, Index]:
    """Check and convert: R (T, C) to float64, s (C,) to int64.

    Raises:
        CadbenchError: shapes do not fit, s names no experience, or R holds infinite values.
    """
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
        raise CadbenchError("R holds infinite values; only NaN may mean 'not measured'")
    return matrix, first


def mean(terms: Matrix) -> Measured:
    """Mean of the defined terms (C,), or of each row of a stack (B, C)."""
    return _over_defined(terms, np.mean)


def worst(terms: Matrix) -> Measured:
    """The lowest defined term."""
    return _over_defined(terms, np.min)


def _over_defined(terms: Matrix, reduce: Callable[..., Any]) -> Measured:
    missing = np.isnan(terms)
    defined = terms[..., ~(missing if terms.ndim == 1 else missing.any(axis=0))]
    n = defined.shape[-1]
    value = reduce(defined, axis=-1) if n else np.full(terms.shape[:-1], math.nan)
    return Measured(float(value) if terms.ndim == 1 else value, n)


def experience_numbers(matrix: Matrix) -> Index:
    """Numbers of the experiences (T, 1), from 1."""
    return np.arange(1, matrix.shape[-2] + 1)[:, None]


def when_learned(matrix: Matrix, first: Index) -> Matrix:
    """R[s(c), c] (C,): the value right after the category was learned."""
    learned: Matrix = matrix[..., first - 1, np.arange(len(first))]
    return learned


def change(matrix: Matrix, first: Index) -> Matrix:
    """R[T, c] - R[s(c), c] (C,): the change since the category was learned."""
    last: Matrix = matrix[..., -1, :]
    return last - when_learned(matrix, first)


def fall(matrix: Matrix, first: Index) -> Matrix:
    """The best value since learning and before the last experience, minus the last value: (C,).

    NaN for categories of the last experience, and where the value at learning is undefined, so
    that `fm` and `bwt` are means over the same categories.
    """
    t, last = experience_numbers(matrix), matrix.shape[-2]
    before_last = (t >= first) & (t < last) & ~np.isnan(matrix)
    best = np.where(before_last, matrix, -np.inf).max(axis=-2)
    entering = (first < last) & ~np.isnan(when_learned(matrix, first))
    return np.where(entering, best - matrix[..., -1, :], np.nan)


def mean_over_experts(
    R: ArrayLike, s: ArrayLike, owner: ArrayLike, inside: Callable[[Matrix], Measured]
) -> Measured:
    """The mean over experts of `inside` of the changes of their categories.

    owner: (C,) the expert that owns each category, -1 for none.
    """
    matrix, first = checked(R, s)
    owners = np.asarray(owner, dtype=np.int64)
    if owners.shape != first.shape:
        raise CadbenchError(f"owner {owners.shape} must name one expert per category {first.shape}")
    terms = change(matrix, first)
    experts = [inside(terms[..., owners == expert]) for expert in np.unique(owners[owners >= 0])]
    if not experts:
        return mean(terms[..., :0])
    value = mean(np.stack([np.asarray(expert.value) for expert in experts], axis=-1)).value
    return Measured(value, sum(expert.n for expert in experts))
