"""Coreset service: selections of a category's training patches, shared by all cells.

The cache holds selections (row indices in selection order), not vectors: they are small, and a
selection also serves every smaller size, because a prefix of a greedy selection is the greedy
selection of that size. Only k-means is selected for each size separately.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...interface.experience import TrainExperience, training_patches
from ...interface.memory_block import Block
from ...interface.patch_source import PatchSource
from ...interface.services import Selector, Start
from ...system.reporting import Reporter, Silent
from ...system.rng import generator
from . import herding, incremental, k_center, k_means
from .selection_cache import NO_ROWS, SelectionCache

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Request:
    """The arguments of a call of `Coresets.select`, apart from experience and category."""

    size: int
    selector: Selector
    start: Start
    seed: int

    def cache_key(self, source: PatchSource) -> str:
        """Content address of the selection; equal for all sizes that one selection serves."""
        random = self.selector != "herding" and (
            self.selector != "greedy" or self.start == "random"
        )
        recipe = self.selector if self.selector == "herding" else f"{self.selector}-{self.start}"
        recipe += f"-{self.seed}" if random else ""
        if self.selector == "kmeans":
            recipe += f"-{min(self.size, _count(source))}"
        return hashlib.sha256(f"{source.digest}\n{recipe}".encode()).hexdigest()


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
        """Select a coreset of the training patches of a category; see `CoresetService.select`."""
        source = training_patches(experience, category)
        request = Request(size, selector, start, seed)
        key = request.cache_key(source)
        block = self._blocks.get((key, size))
        if block is None:
            rows = self._select_rows(key, source, category, request)
            block = _block(source, rows, self.device, category)
            self._blocks[key, size] = block
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
            self._centroids[source.digest] = self._disk.load_or_compute(
                f"{source.digest}-centroid", lambda: _mean(_pieces(source))
            )
        return self._centroids[source.digest]

    def patch_count(self, experience: TrainExperience, category: str) -> int:
        """Number of training patches of a category."""
        return _count(training_patches(experience, category))

    def gather(self, experience: TrainExperience, category: str, rows: np.ndarray) -> Block:
        """The training patches at `rows` (n,), counted over all images of the category."""
        return _block(training_patches(experience, category), rows, self.device, category)

    def everything(self, experience: TrainExperience, category: str) -> Block:
        """All training patches of a category."""
        total = self.patch_count(experience, category)
        return self.gather(experience, category, np.arange(total))

    def reduce(self, blocks: Sequence[Block], size: int) -> np.ndarray:
        """Exact greedy selection from several blocks; see `CoresetService.reduce`."""
        import torch

        total = sum(len(block) for block in blocks)
        if total <= size:
            return np.arange(total)
        digests = "\n".join(block.digest for block in blocks)
        key = hashlib.sha256(f"{digests}\nunion".encode()).hexdigest()

        def compute(cached: list[int]) -> np.ndarray:
            vectors = torch.cat([block.vectors for block in blocks])
            first = cached[0] if cached else k_center.nearest_to_mean(vectors)
            return k_center.greedy_k_center(vectors, size, first, chosen=cached)

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
        """Select patches far from a bank; see `CoresetService.select_uncovered`."""
        import torch

        source = training_patches(experience, category)
        digests = "\n".join(block.digest for block in bank)
        key = hashlib.sha256(f"{source.digest}\n{digests}\nuncovered-{seed}".encode()).hexdigest()
        total = _count(source)

        def compute(cached: list[int]) -> np.ndarray:
            self.reporter.detail(f"selecting {size} of {total} patches of {category}")
            patches = self._load_patches(source)
            rng = generator(seed, "coreset-uncovered", source.digest)
            vectors = [block.vectors for block in bank] or [torch.empty(0, 0)]
            return incremental.uncovered(patches, size, torch.cat(vectors), rng)

        rows = self._cached_selection(key, min(size, total), total, compute)
        return self.gather(experience, category, rows)

    def _select_rows(
        self, key: str, source: PatchSource, category: str, request: Request
    ) -> np.ndarray:
        """Return the rows of a requested selection, from the cache or computed."""
        total = _count(source)
        size = min(request.size, total)
        selector = request.selector

        def compute(cached: list[int]) -> np.ndarray:
            self.reporter.detail(f"selecting {size} of {total} patches of {category}")
            rng = generator(request.seed, f"coreset-{selector}", source.digest)
            if selector == "random":
                return rng.permutation(total)[:size]
            patches = self._load_patches(source)
            if selector == "approximate_greedy":
                return k_center.approximate_greedy_k_center(patches, size, rng)
            if selector == "herding":
                return herding.herding(patches, size)
            if selector == "kmeans":
                return k_means.k_means(patches, size, rng)
            if cached:
                first = cached[0]
            elif request.start == "random":
                first = int(rng.integers(total))
            else:
                first = k_center.nearest_to_mean(patches)
            return k_center.greedy_k_center(patches, size, first, chosen=cached)

        return self._cached_selection(key, size, total, compute)

    def _cached_selection(
        self, key: str, size: int, total: int, compute: Callable[[list[int]], np.ndarray]
    ) -> np.ndarray:
        """Return the first `size` rows of the selection of a key.

        Args:
            key: content address of the selection.
            size: number of rows.
            total: number of patches that the selection is from.
            compute: makes the selection; receives the cached rows, which are too few.
        """
        rows = self._rows.get(key, NO_ROWS)
        if len(rows) < size:
            rows = max(rows, self._disk.load_rows(key, total), key=len)
        if len(rows) < size:
            rows = compute(rows.tolist())
            self._disk.save(key, rows)
        self._rows[key] = rows
        return rows[:size]

    def _load_patches(self, source: PatchSource) -> k_center.Patches:
        """Return all patches on the device: memory-mapped pieces on the CPU, else one tensor."""
        import torch

        pieces = _pieces(source)
        if self.device.type == "cpu":
            return pieces
        return torch.from_numpy(np.concatenate(pieces)).to(self.device)

    @property
    def _disk(self) -> SelectionCache:
        return SelectionCache(self.cache / "coresets" if self.cache else None, self.reporter)


def _pieces(source: PatchSource) -> list[np.ndarray]:
    """The patches of a source as memory-mapped pieces (n, D)."""
    return [piece.reshape(-1, piece.shape[-1]) for piece in source.arrays()]


def _count(source: PatchSource) -> int:
    """The number of patches of a source."""
    return sum(len(piece) for piece in _pieces(source))


def _mean(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """The mean (D,) float64 of all rows."""
    total = sum(piece.sum(axis=0, dtype=np.float64) for piece in pieces)
    mean: np.ndarray = total / sum(len(piece) for piece in pieces)
    return mean


def _block(source: PatchSource, rows: np.ndarray, device: torch.device, category: str) -> Block:
    """The patches at `rows` (n,) and their places, on the device."""
    import torch

    from .patch_rows import PatchRows

    patches = PatchRows(_pieces(source)).take(torch.as_tensor(rows)).float().to(device)
    per_image = source.arrays()[0].shape[1]
    places = (rows % per_image).astype(np.min_scalar_type(per_image - 1))
    return Block.of(patches, places=places, category=category, copy=False)
