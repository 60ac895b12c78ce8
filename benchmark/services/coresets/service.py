"""Coreset service: selections of a category's training patches, shared by all cells.

The cache holds selections (row indices in selection order), not vectors: they are small, and a
selection also serves every smaller size, because a prefix of a greedy selection is the greedy
selection of that size. Only k-means is selected for each size separately.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from ....results.storage.files import seal, unseal, write_bytes
from ...interface.experience import TrainExperience, training_patches
from ...interface.memory_block import Block
from ...interface.patch_source import PatchSource
from ...interface.services import Selector, Start
from ...system.cache.last_use import mark_used
from ...system.reporting import Reporter, Silent, damaged_cache_warning
from ...system.rng import generator
from . import herding, k_center, k_means
from .patch_rows import Patches, PatchRows


@dataclass
class Coresets:
    """The `CoresetService` of a run; its methods are documented there.

    Attributes:
        device: where the vectors of blocks are, and where selections run.
        cache: root of the cache on disk; None keeps everything in memory.
        reporter: receives details and warnings of damaged files.
    """

    device: torch.device
    cache: Path | None = None
    reporter: Reporter = field(default_factory=Silent, repr=False)
    _rows: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    _blocks: dict[tuple[str, int], Block] = field(default_factory=dict, repr=False)
    _centroids: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    def select(
        self,
        experience: TrainExperience,
        category: str,
        size: int,
        *,
        selector: Selector = "greedy",
        start: Start = "mean",
        seed: int = 0,
    ) -> Block:
        """Select a coreset of the training patches of a category."""
        source = training_patches(experience, category)
        recipe = selector if selector == "herding" else f"{selector}-{start}"
        if selector != "herding" and (selector != "greedy" or start == "random"):
            recipe += f"-{seed}"
        if selector == "kmeans":
            recipe += f"-{min(size, _count(source))}"
        key = _digest(source.digest, recipe)

        def compute(size: int, cached: list[int]) -> np.ndarray:
            rng = generator(seed, f"coreset-{selector}", source.digest)
            if selector == "random":
                return rng.permutation(_count(source))[:size]
            patches = self._load_patches(source)
            if selector == "approximate_greedy":
                return k_center.approximate_greedy_k_center(patches, size, rng)
            if selector == "herding":
                return herding.herding(patches, size)
            if selector == "kmeans":
                return k_means.k_means(patches, size, rng)
            if cached:
                first = cached[0]
            elif start == "random":
                first = int(rng.integers(_count(source)))
            else:
                first = k_center.nearest_to_mean(patches)
            return k_center.greedy_k_center(patches, size, first, chosen=cached)

        if (key, size) not in self._blocks:
            rows = self._cached_selection(key, size, _count(source), compute, category)
            self._blocks[key, size] = self.gather(experience, category, rows)
        block = self._blocks[key, size]
        # Equal images may have another name in a stream without category names.
        return block if block.category == category else replace(block, category=category)

    def discard(self, digests: Collection[str]) -> None:
        """Drop the blocks with these digests, because a method has changed their vectors."""
        kept = {key: b for key, b in self._blocks.items() if b.digest not in digests}
        self._blocks = kept

    def centroid(self, experience: TrainExperience, category: str) -> np.ndarray:
        """Mean (D,) float64 of all training patches of a category."""
        source = training_patches(experience, category)
        if source.digest not in self._centroids:
            key = f"{source.digest}-centroid"
            mean = self._load(key)
            if mean is None:
                total = sum(piece.sum(axis=0, dtype=np.float64) for piece in _pieces(source))
                mean = np.asarray(total / _count(source))
                self._save(key, mean)
            self._centroids[source.digest] = mean
        return self._centroids[source.digest]

    def patch_count(self, experience: TrainExperience, category: str) -> int:
        """Number of training patches of a category."""
        return _count(training_patches(experience, category))

    def gather(self, experience: TrainExperience, category: str, rows: np.ndarray) -> Block:
        """The training patches at `rows` (n,), counted over all images of the category."""
        source = training_patches(experience, category)
        patches = PatchRows(_pieces(source)).take(torch.as_tensor(rows)).float().to(self.device)
        per_image = source.arrays()[0].shape[1]
        places = (rows % per_image).astype(np.min_scalar_type(per_image - 1))
        return Block.of(patches, places=places, category=category, copy=False)

    def everything(self, experience: TrainExperience, category: str) -> Block:
        """All training patches of a category."""
        total = self.patch_count(experience, category)
        return self.gather(experience, category, np.arange(total))

    def reduce(self, blocks: Sequence[Block], size: int) -> np.ndarray:
        """Exact greedy selection from several blocks."""
        total = sum(len(block) for block in blocks)
        if total <= size:
            return np.arange(total)

        def compute(size: int, cached: list[int]) -> np.ndarray:
            vectors = torch.cat([block.vectors for block in blocks])
            first = cached[0] if cached else k_center.nearest_to_mean(vectors)
            return k_center.greedy_k_center(vectors, size, first, chosen=cached)

        key = _digest(*(block.digest for block in blocks), "union")
        return self._cached_selection(key, size, total, compute)

    def select_uncovered(
        self,
        experience: TrainExperience,
        category: str,
        size: int,
        bank: Sequence[Block],
        *,
        seed: int = 0,
    ) -> Block:
        """Select patches far from a bank."""
        source = training_patches(experience, category)

        def compute(size: int, cached: list[int]) -> np.ndarray:
            rng = generator(seed, "coreset-uncovered", source.digest)
            vectors = [block.vectors for block in bank] or [torch.empty(0, 0)]
            return k_center.uncovered(self._load_patches(source), size, torch.cat(vectors), rng)

        digests = "\n".join(block.digest for block in bank)
        key = _digest(source.digest, digests, f"uncovered-{seed}")
        rows = self._cached_selection(key, size, _count(source), compute, category)
        return self.gather(experience, category, rows)

    def _cached_selection(
        self,
        key: str,
        size: int,
        total: int,
        compute: Callable[[int, list[int]], np.ndarray],
        category: str = "",
    ) -> np.ndarray:
        """Return the first `size` rows of the selection of a key, or all if there are fewer.

        Args:
            key: content address of the selection.
            size: number of rows.
            total: number of patches that the selection is from.
            compute: makes the selection; receives its size and the cached rows, which are too few.
            category: for the message that it is computed; empty for no message.
        """
        size = min(size, total)
        rows = self._rows.get(key, _NO_ROWS)
        if len(rows) < size and (stored := self._load(key)) is not None:
            rows = max(rows, stored, key=len)
        if len(rows) < size:
            if category:
                self.reporter.detail(f"selecting {size} of {total} patches of {category}")
            rows = compute(size, rows.tolist())
            self._save(key, rows)
        self._rows[key] = rows
        return rows[:size]

    def _load_patches(self, source: PatchSource) -> Patches:
        """Return all patches on the device: memory-mapped pieces on the CPU, else one tensor."""
        pieces = _pieces(source)
        if self.device.type == "cpu":
            return pieces
        return torch.from_numpy(np.concatenate(pieces)).to(self.device)

    def _load(self, key: str) -> np.ndarray | None:
        """Return an array from the disk; None if it is missing, or damaged, which is reported."""
        path = self._path(key)
        content = unseal(path, damaged_cache_warning(self.reporter)) if path else None
        if path is None or content is None:
            return None
        mark_used(path)
        array: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
        return array

    def _save(self, key: str, array: np.ndarray) -> None:
        if path := self._path(key):
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            write_bytes(path, seal(buffer.getvalue()))

    def _path(self, key: str) -> Path | None:
        return self.cache / "coresets" / f"{key}.npy" if self.cache else None


_NO_ROWS = np.empty(0, dtype=np.int64)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _pieces(source: PatchSource) -> list[np.ndarray]:
    """The patches of a source as memory-mapped pieces (n, D)."""
    return [piece.reshape(-1, piece.shape[-1]) for piece in source.arrays()]


def _count(source: PatchSource) -> int:
    """The number of patches of a source."""
    return sum(len(piece) for piece in _pieces(source))
