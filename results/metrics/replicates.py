"""Shared by the weighted image metrics of the bootstrap: B weightings of N images together.

Sums of integer weights are exact in float32, so weights of one give the plain metric. Images are
ranked once, and weights are summed along the ranks, which takes N B steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .metric import Replicates, Weights

_CHUNK = 2**20
"""Weights processed together; limits memory to some megabytes."""


def in_parts(of_part: Callable[[Weights], Replicates], weights: Weights) -> Replicates:
    """Apply `of_part` to slices of the weights (N, B), which bounds memory; returns (B,)."""
    if not len(weights):
        return np.full(weights.shape[1], np.nan)
    slices = parts(len(weights), weights.shape[1], _CHUNK)
    return np.concatenate([of_part(weights[:, part]) for part in slices])


def parts(size: int, replicates: int, room: int) -> Iterator[slice]:
    """Yield slices of the replicates of about `room` numbers, with `size` numbers per replicate."""
    step = max(1, room // max(1, size))
    return (slice(start, start + step) for start in range(0, replicates, step))


def total(weights: Weights) -> Replicates:
    """Sum of the weights (N, B) of each weighting (B,)."""
    return weights.sum(axis=0, dtype=np.float64)


def ratio(numerator: Replicates, denominator: Replicates) -> Replicates:
    """Divide; NaN where the denominator is 0."""
    empty = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=empty, where=denominator > 0)
