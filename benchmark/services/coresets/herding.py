"""Herding: patches picked so that the mean of the first picks follows the mean of all.

After k picks the best next one is the patch nearest a point that moves with every pick. Few
patches can be it: a patch is no nearer than it is within a subspace, and the parts outside of it
differ by at least the difference of their lengths. Float32 products in a subspace rule out most
patches; the pick among the rest is decided in float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ....results.errors import DataError, UsageError
from ...system.threads import one_thread
from .k_center import Patches

if TYPE_CHECKING:
    from torch import Tensor

    from .patch_rows import PatchRows

_SUBSPACE = 128
"""Dimensions in which patches are ruled out."""
_SAMPLE = 20_000
"""Patches that the subspace is fitted to; any subspace is correct, a good one is fast."""
_TOGETHER = 4096
"""Patches that are compared in float64 at once."""
_ROUNDING = 1e-5
"""Error of a float32 bound, relative to the squares that enter it."""


@one_thread()
def herding(patches: Patches, k: int) -> np.ndarray:
    """Select k patches by herding, without putting any back.

    Source: Welling, "Herding dynamical weights to learn" (ICML 2009), as used for exemplars by
    iCaRL (Rebuffi et al., CVPR 2017, algorithm 4). iCaRL normalizes features to length 1, because
    it classifies by their angle; here distances decide, so patches stay as they are. Ties go to
    the lowest index, and a k above N selects all.
    Returns indices (min(k, N),) int64 in selection order: the first j are the selection of j.
    Raises `DataError` for values that are not finite, `UsageError` for k below 1.
    """
    import torch

    from .patch_rows import PatchRows

    if k < 1:
        raise UsageError(f"a coreset of {k} patches was asked for; ask for at least 1")
    rows = PatchRows(patches)
    mean = _mean(rows)
    subspace = _subspace(rows, mean)
    reduced, squares = _reduced(rows, mean, subspace)
    if not torch.isfinite(squares).all():
        raise DataError("patch embeddings hold values that are not finite; extract them again")
    largest = float(squares.amax())
    target = torch.zeros_like(mean)  # minus the sum of the picks so far, from the mean of all
    picks: list[int] = []
    while len(picks) < min(k, len(rows)):
        inside = subspace.T @ target
        length = target @ target
        outside = (length - inside @ inside).clamp(min=0).sqrt()
        place = torch.cat([inside, outside[None]]).float()
        bounds = squares - 2 * (reduced @ place) + length
        slack = _ROUNDING * (largest + float(length))
        chosen = _nearest(rows, mean + target, bounds.sub_(slack))
        picks.append(chosen)
        squares[chosen] = torch.inf
        target -= rows.take(torch.tensor([chosen], device=rows.device))[0].double() - mean
    return np.array(picks, dtype=np.int64)


def _nearest(rows: PatchRows, point: Tensor, bounds: Tensor) -> int:
    """The row nearest a point (D,), lowest on ties; no squared distance is below bounds (N,)."""

    def squares(some: Tensor) -> Tensor:
        return (rows.take(some).double() - point).square_().sum(1)

    limit = squares(bounds.argmin()[None])[0]
    best, chosen = limit, -1
    for some in (bounds <= limit).nonzero()[:, 0].split(_TOGETHER):
        found = squares(some)
        if chosen < 0 or found.amin() < best:
            best = found.amin()
            chosen = int(some[(found == best).nonzero()[0, 0]])
    return chosen


def _mean(rows: PatchRows) -> Tensor:
    """(D,) float64."""
    import torch

    total = torch.zeros(rows.dim, dtype=torch.float64, device=rows.device)
    for _, part in rows.parts():
        total += part.double().sum(0)
    return total / len(rows)


def _subspace(rows: PatchRows, mean: Tensor) -> Tensor:
    """(D, d) float64: the orthonormal directions in which a sample of the patches varies most."""
    import torch

    step = -(-len(rows) // _SAMPLE)
    sample = rows.take(torch.arange(0, len(rows), step, device=rows.device)).double() - mean
    if not torch.isfinite(sample).all():
        raise DataError("patch embeddings hold values that are not finite; extract them again")
    _, vectors = torch.linalg.eigh(sample.T @ sample)
    return vectors[:, -_SUBSPACE:]


def _reduced(rows: PatchRows, mean: Tensor, subspace: Tensor) -> tuple[Tensor, Tensor]:
    """Of all patches, seen from the mean: (N, d + 1) float32, the last the length outside of the
    subspace, and their squared lengths (N,) float32."""
    import torch

    count = subspace.shape[1]
    reduced = torch.empty((len(rows), count + 1), device=rows.device)
    squares = torch.empty(len(rows), device=rows.device)
    for where, part in rows.parts():
        moved = part.double() - mean
        inside = moved @ subspace
        length = moved.square().sum(1)
        reduced[where, :count] = inside.float()
        reduced[where, count] = (length - inside.square().sum(1)).clamp(min=0).sqrt().float()
        squares[where] = length.float()
    return reduced, squares
