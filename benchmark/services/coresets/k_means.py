"""Selection by k-means: the patch nearest each center, ordered so that prefixes are useful.

scikit-learn computes the centers. FAISS's k-means would need all patches in memory as float32.
"""

from __future__ import annotations

import numpy as np
import torch

from ....results.errors import DataError
from ...system.threads import one_thread
from .patch_rows import NOT_FINITE, Patches, PatchRows

_EPOCHS = 3
"""Passes over all patches."""
_BATCH = 4096
"""Patches per mini-batch; more if there are more centers."""


@one_thread()
def k_means(patches: Patches, k: int, rng: np.random.Generator) -> np.ndarray:
    """Select for each of k centers the nearest patch of its cluster.

    Centers are those of scikit-learn's `MiniBatchKMeans` (Sculley, "Web-scale k-means clustering",
    WWW 2010), initialized by k-means++. Empty clusters are replaced by random patches.

    The order is found by halving: k-means over the selected patches finds the half that represents
    them best, which is first and is ordered in the same way. Every prefix is therefore spread
    over the patches, but it is not the selection of its own size.
    """
    from threadpoolctl import threadpool_limits

    rows = PatchRows(patches)
    size = rows.coreset_size(k)
    with threadpool_limits(1):  # so that the order of sums does not depend on the machine
        picks = np.arange(len(rows))
        if size < len(rows):
            picks = _medoids(rows, size, rng)
        later_halves: list[np.ndarray] = []
        while len(picks) > 1:
            picked = rows.take(torch.from_numpy(picks).to(rows.device))
            first_half = np.zeros(len(picks), dtype=bool)
            first_half[_medoids(PatchRows(picked), (len(picks) + 1) // 2, rng)] = True
            later_halves.append(picks[~first_half])
            picks = picks[first_half]
    return np.concatenate([picks, *reversed(later_halves)])


def _medoids(rows: PatchRows, k: int, rng: np.random.Generator) -> np.ndarray:
    """Return the patch nearest the center of each cluster: (k,) ascending indices; k is below N."""
    centers = torch.from_numpy(_fit_centers(rows, k, rng))
    best = np.full(k, np.inf)
    nearest = np.full(k, -1)
    for where, part in rows.parts():
        squares = torch.cdist(part.cpu().double(), centers).square_()
        distance, cluster = (each.numpy() for each in squares.min(1))
        order = np.lexsort((distance, cluster))
        clusters, first = np.unique(cluster[order], return_index=True)
        candidates = order[first]
        better = distance[candidates] < best[clusters]
        best[clusters[better]] = distance[candidates][better]
        nearest[clusters[better]] = where.start + candidates[better]
    picks = nearest[nearest >= 0]
    others = np.setdiff1d(np.arange(len(rows)), picks)
    return np.sort(np.concatenate([picks, rng.choice(others, k - len(picks), replace=False)]))


def _fit_centers(rows: PatchRows, k: int, rng: np.random.Generator) -> np.ndarray:
    """Return k-means centers (k, D) float64."""
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(
        k, random_state=int(rng.integers(2**31)), n_init=1, init_size=3 * k, reassignment_ratio=0
    )
    for _ in range(_EPOCHS):
        order = rng.permutation(len(rows))
        for indices in np.array_split(order, max(1, len(order) // max(_BATCH, 3 * k))):
            batch = rows.take(torch.from_numpy(indices).to(rows.device)).cpu().numpy()
            if not np.isfinite(batch).all():
                raise DataError(NOT_FINITE)
            model.partial_fit(batch)
    return np.asarray(model.cluster_centers_, dtype=np.float64)
