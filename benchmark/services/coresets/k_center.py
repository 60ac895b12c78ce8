"""Greedy k-center selection of patches, exact and as published with PatchCore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ....results.errors import DataError, UsageError
from ...system.threads import one_thread

if TYPE_CHECKING:
    from torch import Tensor

Patches: TypeAlias = "np.ndarray | Sequence[np.ndarray] | Tensor"
"""(N, D) in one array or tensor, or pieces (n_i, D); float16 or float32, in memory or mapped."""


@one_thread()
def nearest_to_mean(patches: Patches) -> int:
    """Index of the patch nearest the mean of all, in float64; the lowest index on ties."""
    import torch

    from .patch_rows import PatchRows

    rows = PatchRows(patches)
    total = torch.zeros(rows.dim, dtype=torch.float64, device=rows.device)
    for _, part in rows.parts():
        total += part.double().sum(0)
    mean = total / len(rows)
    distances = torch.empty(len(rows), dtype=torch.float64, device=rows.device)
    for where, part in rows.parts():
        distances[where] = part.double().sub_(mean).square_().sum(1)
    if not torch.isfinite(distances).all():
        raise DataError("patch embeddings hold values that are not finite; extract them again")
    return int(distances.argmin())


@one_thread()
def greedy_k_center(
    patches: Patches, k: int, start: int, *, chosen: Sequence[int] = ()
) -> np.ndarray:
    """Select `start`, then each time the patch farthest from its nearest pick so far.

    Picks are those of Euclidean distances in float64, ties going to the lowest index, whatever
    the device and the number of threads. Where every remaining patch equals a pick, the lowest
    indices not yet picked follow; a k above N selects all. chosen: the first picks where they are
    known, `start` first; the result is the same, sooner.
    Returns indices (min(k, N),) int64 in selection order: the first j are the selection of j.
    Raises `DataError` for values that are not finite, `UsageError` for k below 1.
    """
    from .farthest_first import farthest_first
    from .patch_rows import PatchRows

    rows = PatchRows(patches)
    known = [int(index) for index in chosen] or [start]
    if known[0] != start:
        raise ValueError(f"the known picks begin with {known[0]}, not with the start {start}")
    return farthest_first(rows, _size(k, len(rows)), known[:k])


@one_thread()
def approximate_greedy_k_center(
    patches: Patches, k: int, rng: np.random.Generator, *, projection: int = 128, starts: int = 10
) -> np.ndarray:
    """PatchCore's published variant (Roth et al. 2022): fewer dimensions, no single start.

    Distances are those after a Gaussian random projection to `projection` dimensions; before the
    first pick, the distance of a patch is the mean of those to `starts` patches drawn at random.
    Returns indices and raises errors as `greedy_k_center` does.
    """
    import torch

    from .farthest_first import farthest_first
    from .patch_rows import PatchRows

    rows = PatchRows(patches)
    size = _size(k, len(rows))
    if rows.dim != projection:
        matrix = torch.from_numpy(rng.standard_normal((rows.dim, projection))).to(rows.device)
        projected = torch.empty((len(rows), projection), device=rows.device)
        for where, part in rows.parts():
            projected[where] = (part.double() @ matrix).float()
        rows = PatchRows(projected)
    drawn = torch.from_numpy(rng.choice(len(rows), min(starts, len(rows)), replace=False))
    anchors = rows.take(drawn.to(rows.device)).double()
    direct = "donot_use_mm_for_euclid_dist"
    distances = torch.empty(len(rows), dtype=torch.float64, device=rows.device)
    for where, part in rows.parts():
        distances[where] = torch.cdist(part.double(), anchors, compute_mode=direct).mean(1)
    first = int(distances.argmax())
    return farthest_first(rows, size, [first], initial=distances.square_())


def _size(k: int, available: int) -> int:
    if k < 1:
        raise UsageError(f"a coreset of {k} patches was asked for; ask for at least 1")
    return min(k, available)
