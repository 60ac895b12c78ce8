"""Greedy selection of the patches that a memory bank does not cover yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...system.threads import one_thread
from .k_center import Patches, nearest_to_mean, project

if TYPE_CHECKING:
    from torch import Tensor


@one_thread()
def uncovered(
    patches: Patches, k: int, bank: Tensor, rng: np.random.Generator, *, projection: int = 128
) -> np.ndarray:
    """Select k patches, each the farthest from the bank and from those selected before it.

    Distances are computed after a Gaussian random projection, if patches have more dimensions than
    it. The cost is linear in N: one search of the bank per patch, and a greedy selection.

    Args:
        patches: (N, D).
        k: number of patches; if N is smaller, all are selected.
        bank: (M, D) float32. If it is empty, the patch nearest the mean of all is selected first.
        rng: draws the projection.
        projection: number of dimensions after the projection.

    Returns:
        Indices (min(k, N),) int64 in selection order: the first j are the selection of size j.

    Raises:
        DataError: there are no patches, or values are not finite.
        UsageError: k is below 1.
    """
    import torch

    from ..neighbors.search import torch_search
    from .farthest_first import farthest_first
    from .patch_rows import PatchRows

    rows = PatchRows(patches)
    size = rows.coreset_size(k)
    first = None if len(bank) else nearest_to_mean(patches)
    if rows.dim > projection:
        matrix = torch.from_numpy(rng.standard_normal((rows.dim, projection))).to(rows.device)
        rows = project(rows, matrix)
        if first is None:
            bank = (bank.double() @ matrix).float()
    if first is not None:
        return farthest_first(rows, size, [first])
    distances = torch.empty(len(rows), dtype=torch.float64, device=rows.device)
    for where, part in rows.parts():
        distances[where] = torch_search(part, [bank])[0][0].double()
    return farthest_first(rows, size, [int(distances.argmax())], initial=distances.square_())
