"""Selection by k-means: the patches nearest the centers, ordered so that beginnings make sense."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ....results.errors import DataError, UsageError
from ...system.threads import one_thread

if TYPE_CHECKING:
    from .k_center import Patches
    from .patch_rows import PatchRows

_PASSES = 3
"""How often each patch is shown to the centers."""
_BATCH = 4096
"""Patches shown at once, or more where there are more centers."""


@one_thread()
def k_means(patches: Patches, k: int, rng: np.random.Generator) -> np.ndarray:
    """Select the patch nearest each of k centers, within its own cluster.

    Centers are those of scikit-learn's `MiniBatchKMeans` (Sculley, "Web-scale k-means clustering",
    WWW 2010), begun by k-means++. A cluster of no patch is made up for by patches drawn at random.
    The order is by halving: k-means over the picks finds the half of them that stands for all,
    which comes first and is ordered in the same way; so a beginning is spread over the patches as
    the whole is, but is not the selection of its own size.
    Returns indices (min(k, N),) int64. Raises `DataError` for values that are not finite,
    `UsageError` for k below 1.
    """
    import torch
    from threadpoolctl import threadpool_limits

    from .patch_rows import PatchRows

    if k < 1:
        raise UsageError(f"a coreset of {k} patches was asked for; ask for at least 1")
    rows = PatchRows(patches)
    with threadpool_limits(1):  # sums in an order that depends on no number of threads
        picks = np.arange(len(rows))
        if k < len(rows):
            picks = _medoids(rows, k, rng)
        tails: list[np.ndarray] = []
        while len(picks) > 1:
            held = rows.take(torch.from_numpy(picks).to(rows.device))
            first = np.zeros(len(picks), dtype=bool)
            first[_medoids(PatchRows(held), (len(picks) + 1) // 2, rng)] = True
            tails.append(picks[~first])
            picks = picks[first]
    return np.concatenate([picks, *reversed(tails)])


def _medoids(rows: PatchRows, k: int, rng: np.random.Generator) -> np.ndarray:
    """(k,) rising indices: of each cluster the patch nearest the center; k is below N."""
    import torch

    centers = torch.from_numpy(_centers(rows, k, rng))
    best = np.full(k, np.inf)
    nearest = np.full(k, -1)
    for where, part in rows.parts():
        squares = torch.cdist(part.cpu().double(), centers).square_()
        distance, cluster = (each.numpy() for each in squares.min(1))
        order = np.lexsort((distance, cluster))
        clusters, first = np.unique(cluster[order], return_index=True)
        there = order[first]
        better = distance[there] < best[clusters]
        best[clusters[better]] = distance[there][better]
        nearest[clusters[better]] = where.start + there[better]
    picks = nearest[nearest >= 0]
    others = np.setdiff1d(np.arange(len(rows)), picks)
    return np.sort(np.concatenate([picks, rng.choice(others, k - len(picks), replace=False)]))


def _centers(rows: PatchRows, k: int, rng: np.random.Generator) -> np.ndarray:
    """(k, D) float64."""
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(
        k, random_state=int(rng.integers(2**31)), n_init=1, init_size=3 * k, reassignment_ratio=0
    )
    for shown in _batches(rows, max(_BATCH, 3 * k), rng):
        if not np.isfinite(shown).all():
            raise DataError("patch embeddings hold values that are not finite; extract them again")
        model.partial_fit(shown)
    return np.asarray(model.cluster_centers_, dtype=np.float64)


def _batches(rows: PatchRows, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """All patches `_PASSES` times in random order, in batches (n, D) float32, none very small."""
    import torch

    for _ in range(_PASSES):
        order = rng.permutation(len(rows))
        for some in np.array_split(order, max(1, len(order) // size)):
            yield rows.take(torch.from_numpy(some).to(rows.device)).cpu().numpy()
