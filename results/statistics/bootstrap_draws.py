"""What a bootstrap draws: how often each image, seed and order counts in each replicate.

A draw depends on what is drawn from and on nothing else: images are told by their content, so all
runs, rows and commands that share them share the draw, and differences between rows are paired.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

REPLICATES = 1000
Counts = NDArray[np.float32]


class Draws:
    """Multiplicities of `replicates` bootstrap samples; two with the same arguments are equal."""

    def __init__(self, replicates: int = REPLICATES, seed: int = 0) -> None:
        self.replicates = replicates
        self._seed = seed
        self._kept: dict[bytes, Counts] = {}

    def images(self, ids: Sequence[str], labels: NDArray[np.bool_]) -> Counts:
        """(N, B): good and defective images are drawn apart, as many as there are of each.

        `ids` (N,) are content hashes, sorted within each label, good images first.
        """
        key = hashlib.sha256("\n".join(ids).encode() + labels.tobytes()).digest()
        if key not in self._kept:
            strata = [self.sample(list(np.asarray(ids)[labels == label])) for label in (0, 1)]
            self._kept[key] = np.concatenate(strata)
        return self._kept[key]

    def sample(self, units: Sequence[str]) -> Counts:
        """(N, B): each column is how often N draws with replacement hit each of N units."""
        n = len(units)
        digest = hashlib.sha256("\n".join([str(self._seed), *units]).encode()).digest()
        rng = np.random.Generator(np.random.PCG64(int.from_bytes(digest)))
        if not n:
            return np.zeros((0, self.replicates), np.float32)
        drawn = rng.integers(n, size=(self.replicates, n))
        drawn += n * np.arange(self.replicates)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=n * self.replicates)
        return np.ascontiguousarray(counts.reshape(self.replicates, n).T, np.float32)

    def runs(self, seeds: Sequence[str], orders: Sequence[str]) -> Counts:
        """(R, B): how often each of R runs counts, seeds and orders being drawn apart.

        They are crossed factors (Owen 2007, the pigeonhole bootstrap): a run counts as often as
        its seed times its order. Drawing runs as if independent would take the repetitions of a
        method that does not depend on the seed for evidence. One level only is no draw.
        """
        return self._level_counts("seed", seeds) * self._level_counts("order", orders)

    def _level_counts(self, factor: str, of_runs: Sequence[str]) -> Counts:
        levels = sorted(set(of_runs))
        counts = self.sample([f"{factor} {level}" for level in levels])
        return counts[[levels.index(level) for level in of_runs]]
