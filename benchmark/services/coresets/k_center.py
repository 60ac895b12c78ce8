"""Greedy k-center selection: exact, as published with PatchCore, and of patches beyond a bank.

Like all selectors of this package, these take N patches and return the indices (min(k, N),) int64
of k patches in selection order: the first j are the selection of size j. They raise `DataError`
without patches or for values that are not finite, and `UsageError` for k below 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ....results.errors import DataError
from ...system.threads import one_thread
from ..neighbors.search import exact_search
from .farthest_first import farthest_first
from .patch_rows import NOT_FINITE, Patches, PatchRows


@one_thread()
def nearest_to_mean(patches: Patches) -> int:
    """Return the index of the patch nearest the mean of all, in float64; ties: lowest index."""
    rows = PatchRows(patches)
    mean = rows.mean()
    distances = rows.map(lambda part: part.double().sub_(mean).square_().sum(1))
    if not torch.isfinite(distances).all():
        raise DataError(NOT_FINITE)
    return int(distances.argmin())


@one_thread()
def greedy_k_center(
    patches: Patches, k: int, start: int, *, chosen: Sequence[int] = ()
) -> np.ndarray:
    """Select k patches, each the farthest from those selected before it.

    The selection is that of Euclidean distances in float64 with ties going to the lowest index, on
    every device and for every number of threads. When every remaining patch equals a selected one,
    the lowest remaining indices follow.

    Args:
        start: index of the first pick.
        chosen: the first picks, if they are cached, beginning with `start`. They save time and
            do not change the result.
    """
    rows = PatchRows(patches)
    first_picks = [int(index) for index in chosen] or [start]
    if first_picks[0] != start:
        raise ValueError(f"`chosen` must begin with the start {start}, not with {first_picks[0]}")
    return farthest_first(rows, rows.coreset_size(k), first_picks[:k])


@one_thread()
def approximate_greedy_k_center(
    patches: Patches, k: int, rng: np.random.Generator, *, projection: int = 128, starts: int = 10
) -> np.ndarray:
    """Select k patches as PatchCore's published code does (Roth et al. 2022).

    Distances are computed after a Gaussian random projection. There is no single first pick:
    initially, the distance of a patch is its mean distance to several random patches.

    Args:
        rng: draws the projection and the random patches.
        projection: number of dimensions after the projection.
        starts: number of random patches.
    """
    rows = PatchRows(patches)
    size = rows.coreset_size(k)
    if rows.dim != projection:
        rows, _ = _project(rows, projection, rng)
    sample = torch.from_numpy(rng.choice(len(rows), min(starts, len(rows)), replace=False))
    anchors = rows.take(sample.to(rows.device)).double()
    direct = "donot_use_mm_for_euclid_dist"
    distances = rows.map(
        lambda part: torch.cdist(part.double(), anchors, compute_mode=direct).mean(1)
    )
    first = int(distances.argmax())
    return farthest_first(rows, size, [first], initial=distances.square_())


@one_thread()
def uncovered(
    patches: Patches, k: int, bank: Tensor, rng: np.random.Generator, *, projection: int = 128
) -> np.ndarray:
    """Select k patches, each the farthest from the bank and from those selected before it.

    Distances are computed after a Gaussian random projection, if patches have more dimensions than
    it. The cost is linear in N: one search of the bank per patch, and a greedy selection.

    Args:
        bank: (M, D) float32. If it is empty, the patch nearest the mean of all is selected first.
        rng: draws the projection.
        projection: number of dimensions after the projection.
    """
    rows = PatchRows(patches)
    size = rows.coreset_size(k)
    first = None if len(bank) else nearest_to_mean(patches)
    if rows.dim > projection:
        rows, matrix = _project(rows, projection, rng)
        if first is None:
            bank = (bank.double() @ matrix).float()
    if first is not None:
        return farthest_first(rows, size, [first])
    distances = rows.map(lambda part: exact_search(part, bank)[0].double())
    return farthest_first(rows, size, [int(distances.argmax())], initial=distances.square_())


def _project(rows: PatchRows, dim: int, rng: np.random.Generator) -> tuple[PatchRows, Tensor]:
    """Multiply patches (N, D), part by part, with a random matrix (D, dim) float64."""
    matrix = torch.from_numpy(rng.standard_normal((rows.dim, dim))).to(rows.device)
    projected = torch.empty((len(rows), dim), device=rows.device)
    for where, part in rows.parts():
        projected[where] = (part.double() @ matrix).float()
    return PatchRows(projected), matrix
