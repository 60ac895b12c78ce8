"""Herding: select patches so that the mean of the first picks follows the mean of all patches.

The best next pick is the patch nearest a target point that moves with every pick. Most patches are
ruled out by a lower bound on their distance to the target: the distance within a subspace, plus the
difference between the lengths of the parts outside of it. Bounds are float32 products; the pick
among the remaining patches is decided in float64. The plain loop would read all patches per pick.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ....results.errors import DataError
from ...system.threads import one_thread
from .patch_rows import NOT_FINITE, Patches, PatchRows

_SUBSPACE_DIM = 128
"""Dimensions of the subspace in which lower bounds are computed."""
_SAMPLE = 20_000
"""Patches that the subspace is fitted to. Any subspace is correct; a good one is fast."""
_EXACT_BATCH = 4096
"""Patches per float64 comparison."""
_ROUNDING = 1e-5
"""Error of a float32 bound, relative to the squares that enter it."""


@one_thread()
def herding(patches: Patches, k: int) -> np.ndarray:
    """Select k different patches by herding; ties go to the lowest index.

    Source: Welling, "Herding dynamical weights to learn" (ICML 2009), as used for exemplars by
    iCaRL (Rebuffi et al., CVPR 2017, algorithm 4). iCaRL normalizes features to length 1, because
    it classifies by their angle. Here distances decide, so patches are not normalized.
    """
    rows = PatchRows(patches)
    size = rows.coreset_size(k)
    mean = rows.mean()
    subspace = _fit_subspace(rows, mean)
    reduced, squares = _reduce(rows, mean, subspace)
    if not torch.isfinite(squares).all():
        raise DataError(NOT_FINITE)
    largest = float(squares.amax())
    target = torch.zeros_like(mean)  # relative to the mean: minus the sum of the picks' offsets
    picks: list[int] = []
    while len(picks) < size:
        inside = subspace.T @ target
        length = target @ target
        outside = (length - inside @ inside).clamp(min=0).sqrt()
        reduced_target = torch.cat([inside, outside[None]]).float()
        bounds = squares - 2 * (reduced @ reduced_target) + length
        slack = _ROUNDING * (largest + float(length))
        pick = _nearest(rows, mean + target, bounds.sub_(slack))
        picks.append(pick)
        squares[pick] = torch.inf
        target -= rows.take(torch.tensor([pick], device=rows.device))[0].double() - mean
    return np.array(picks, dtype=np.int64)


def _nearest(rows: PatchRows, point: Tensor, bounds: Tensor) -> int:
    """Return the row nearest `point` (D,), the lowest on ties.

    bounds (N,): lower bounds of the squared distances.
    """

    def squared_distances(batch: Tensor) -> Tensor:
        return (rows.take(batch).double() - point).square_().sum(1)

    limit = squared_distances(bounds.argmin()[None])[0]
    best, nearest = limit, -1
    for batch in (bounds <= limit).nonzero()[:, 0].split(_EXACT_BATCH):
        distances = squared_distances(batch)
        if nearest < 0 or distances.amin() < best:
            best = distances.amin()
            nearest = int(batch[(distances == best).nonzero()[0, 0]])
    return nearest


def _fit_subspace(rows: PatchRows, mean: Tensor) -> Tensor:
    """Return orthonormal directions (D, d) float64 in which a sample of the patches varies most."""
    step = -(-len(rows) // _SAMPLE)
    sample = rows.take(torch.arange(0, len(rows), step, device=rows.device)).double() - mean
    if not torch.isfinite(sample).all():
        raise DataError(NOT_FINITE)
    _, vectors = torch.linalg.eigh(sample.T @ sample)
    return vectors[:, -_SUBSPACE_DIM:]


def _reduce(rows: PatchRows, mean: Tensor, subspace: Tensor) -> tuple[Tensor, Tensor]:
    """Return reduced patches (N, d + 1) float32 and squared lengths (N,) float32.

    Both are relative to the mean. The last reduced value is the length outside of the subspace.
    """
    count = subspace.shape[1]
    reduced = torch.empty((len(rows), count + 1), device=rows.device)
    squares = torch.empty(len(rows), device=rows.device)
    for where, part in rows.parts():
        centered = part.double() - mean
        inside = centered @ subspace
        length = centered.square().sum(1)
        reduced[where, :count] = inside.float()
        reduced[where, count] = (length - inside.square().sum(1)).clamp(min=0).sqrt().float()
        squares[where] = length.float()
    return reduced, squares
