"""Bootstrap weights: how often each image, seed and order counts in each replicate.

Weights depend only on what is resampled. Images are identified by their content, so all runs, rows
and commands with the same images use the same weights, and differences between rows are paired.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

REPLICATES = 1000
Counts = NDArray[np.float32]


class Draws:
    """Weights of `replicates` bootstrap samples; the same arguments give the same weights."""

    def __init__(self, replicates: int = REPLICATES, seed: int = 0) -> None:
        self.replicates = replicates
        self._seed = seed
        self._cache: dict[bytes, Counts] = {}

    def images(self, ids: Sequence[str], labels: NDArray[np.bool_]) -> Counts:
        """(N, B) weights of images. Good and defective ones are resampled separately.

        Args:
            ids: (N,) content hashes, sorted within each label, good images first.
            labels: (N,) whether each is defective.
        """
        key = hashlib.sha256("\n".join(ids).encode() + labels.tobytes()).digest()
        if key not in self._cache:
            strata = [self.sample(list(np.asarray(ids)[labels == label])) for label in (0, 1)]
            self._cache[key] = np.concatenate(strata)
        return self._cache[key]

    def sample(self, units: Sequence[str]) -> Counts:
        """(N, B): each column counts how often N draws with replacement hit each of N units."""
        n = len(units)
        digest = hashlib.sha256("\n".join([str(self._seed), *units]).encode()).digest()
        rng = np.random.Generator(np.random.PCG64(int.from_bytes(digest)))
        if not n:
            return np.zeros((0, self.replicates), np.float32)
        sampled = rng.integers(n, size=(self.replicates, n))
        sampled += n * np.arange(self.replicates)[:, None]
        counts = np.bincount(sampled.ravel(), minlength=n * self.replicates)
        return np.ascontiguousarray(counts.reshape(self.replicates, n).T, np.float32)

    def runs(self, seeds: Sequence[str], orders: Sequence[str]) -> Counts:
        """(R, B) weights of R runs. Seeds and orders are resampled separately.

        They are crossed factors (Owen 2007, the pigeonhole bootstrap): the weight of a run is the
        product of those of its seed and its order. Resampling runs as if they were independent
        would count repetitions of a deterministic method as evidence. A factor with one level is
        not resampled.

        Args:
            seeds: (R,) the seed of each run.
            orders: (R,) the order of each run.
        """
        return self._level_counts("seed", seeds) * self._level_counts("order", orders)

    def _level_counts(self, factor: str, of_runs: Sequence[str]) -> Counts:
        levels = sorted(set(of_runs))
        counts = self.sample([f"{factor} {level}" for level in levels])
        return counts[[levels.index(level) for level in of_runs]]
