"""Greedy k-center selection of patches: exact, and as published with PatchCore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ....results.errors import DataError
from ...system.threads import one_thread

if TYPE_CHECKING:
    from torch import Tensor

    from .patch_rows import PatchRows

Patches: TypeAlias = "np.ndarray | Sequence[np.ndarray] | Tensor"
"""(N, D) as one array or tensor, or as pieces (n_i, D); float16 or float32, in memory or mapped."""


@one_thread()
def nearest_to_mean(patches: Patches) -> int:
    """Return the index of the patch nearest the mean of all, in float64; ties: lowest index.

    Raises:
        DataError: there are no patches, or values are not finite.
    """
    import torch

    from .patch_rows import NOT_FINITE, PatchRows

    rows = PatchRows(patches)
    mean = rows.mean()
    distances = torch.empty(len(rows), dtype=torch.float64, device=rows.device)
    for where, part in rows.parts():
        distances[where] = part.double().sub_(mean).square_().sum(1)
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
        patches: (N, D).
        k: number of patches; if N is smaller, all are selected.
        start: index of the first pick.
        chosen: the first picks, if they are cached, beginning with `start`. They save time and
            do not change the result.

    Returns:
        Indices (min(k, N),) int64 in selection order: the first j are the selection of size j.

    Raises:
        DataError: there are no patches, or values are not finite.
        UsageError: k is below 1.
    """
    from .farthest_first import farthest_first
    from .patch_rows import PatchRows

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
        patches: (N, D).
        k: number of patches; if N is smaller, all are selected.
        rng: draws the projection and the random patches.
        projection: number of dimensions after the projection.
        starts: number of random patches.

    Returns:
        Indices (min(k, N),) int64 in selection order: the first j are the selection of size j.

    Raises:
        DataError: there are no patches, or values are not finite.
        UsageError: k is below 1.
    """
    import torch

    from .farthest_first import farthest_first
    from .patch_rows import PatchRows

    rows = PatchRows(patches)
    size = rows.coreset_size(k)
    if rows.dim != projection:
        matrix = torch.from_numpy(rng.standard_normal((rows.dim, projection))).to(rows.device)
        rows = project(rows, matrix)
    sample = torch.from_numpy(rng.choice(len(rows), min(starts, len(rows)), replace=False))
    anchors = rows.take(sample.to(rows.device)).double()
    direct = "donot_use_mm_for_euclid_dist"
    distances = torch.empty(len(rows), dtype=torch.float64, device=rows.device)
    for where, part in rows.parts():
        distances[where] = torch.cdist(part.double(), anchors, compute_mode=direct).mean(1)
    first = int(distances.argmax())
    return farthest_first(rows, size, [first], initial=distances.square_())


def project(rows: PatchRows, matrix: Tensor) -> PatchRows:
    """Multiply patches (N, D), part by part, with a matrix (D, D') float64."""
    import torch

    from .patch_rows import PatchRows

    projected = torch.empty((len(rows), matrix.shape[1]), device=rows.device)
    for where, part in rows.parts():
        projected[where] = (part.double() @ matrix).float()
    return PatchRows(projected)
