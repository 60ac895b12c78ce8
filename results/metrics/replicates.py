"""Metrics of many weightings of one category's images at once, as the bootstrap needs them.

With whole float32 weights all counts are exact, so a column of ones gives the plain metric. Images
are ranked once and weights summed along the ranks: N B steps for N images and B weightings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .metric import Replicates, Weights

_CHUNK = 2**20
"""Weights processed at once: some megabytes, whatever the number of images and weightings."""


def in_parts(of_part: Callable[[Weights], Replicates], weights: Weights) -> Replicates:
    """(B,) `of_part` of slices of the weights (N, B), which bounds memory."""
    if not len(weights):
        return np.full(weights.shape[1], np.nan)
    slices = parts(len(weights), weights.shape[1], _CHUNK)
    return np.concatenate([of_part(weights[:, part]) for part in slices])


def parts(size: int, replicates: int, room: int) -> Iterator[slice]:
    """Slices of the replicates, of `size` numbers per replicate and about `room` numbers each."""
    step = max(1, room // max(1, size))
    return (slice(start, start + step) for start in range(0, replicates, step))


def total(weights: Weights) -> Replicates:
    return weights.sum(axis=0, dtype=np.float64)


def ratio(numerator: Replicates, denominator: Replicates) -> Replicates:
    """NaN where the denominator is 0."""
    empty = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=empty, where=denominator > 0)
