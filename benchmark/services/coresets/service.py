"""Coresets of a category's training patches, selected once and shared by every cell.

What is kept on disk is the selection (row indices in selection order), not the vectors: it is
small, and a longer selection serves every shorter one, since a greedy prefix is greedy itself;
only k-means is selected for each size anew.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ....results.storage.files import seal, unseal, write_bytes
from ...interface.block import Block
from ...interface.experience import TrainExperience
from ...interface.patch_source import PatchSource
from ...interface.services import Selector, Start
from ...system.reporting import Reporter, Silent, damaged_cache_warning
from ...system.rng import generator
from ...system.threads import BackgroundTask, submit
from . import herding, k_center, k_means

if TYPE_CHECKING:
    import torch


_NOTHING = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class _Asked:
    """What a method asked a category's patches for; see `Coresets.select`."""

    size: int
    selector: Selector
    start: Start
    seed: int

    def identity(self, source: PatchSource) -> str:
        """The content address of the selection: the same for every size that it serves."""
        drawn = self.selector != "herding" and (self.selector != "greedy" or self.start == "random")
        recipe = self.selector if self.selector == "herding" else f"{self.selector}-{self.start}"
        recipe += f"-{self.seed}" if drawn else ""
        if self.selector == "kmeans":
            recipe += f"-{min(self.size, _count(source))}"
        return hashlib.sha256(f"{source.digest}\n{recipe}".encode()).hexdigest()


@dataclass
class Coresets:
    """`select` and `centroid` for methods; `cache` None keeps everything in memory.

    seed: used only by selections that draw (`random` selector or start, `approximate_greedy`,
    `kmeans`).
    """

    device: torch.device
    cache: Path | None = None
    reporter: Reporter = field(default_factory=Silent, repr=False)
    _picks: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    _blocks: dict[tuple[str, int], Block] = field(default_factory=dict, repr=False)
    _centroids: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    _asked: dict[_Asked, None] = field(default_factory=dict, repr=False)
    _begun: dict[str, BackgroundTask[np.ndarray]] = field(default_factory=dict, repr=False)

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
        """The coreset of a category's patch embeddings: a block of min(size, N) vectors.

        `greedy` is exact k-center selection in selection order, begun at the patch nearest the
        mean or at a random one; `approximate_greedy` is the variant published with PatchCore;
        `random` is a uniform sample; `herding` follows the mean of all patches; `kmeans` takes the
        patch nearest each center. Of all but `kmeans` the first j vectors are the selection of j.
        """
        source = experience.source(category)
        asked = _Asked(size, selector, start, seed)
        self._asked[asked] = None
        identity = asked.identity(source)
        block = self._blocks.get((identity, size))
        if block is None:
            if (begun := self._begun.pop(identity, None)) is not None:
                begun.result()
            picks = self._selection(identity, source, category, asked)
            block = Block.of(_gather(source, picks, self.device))
            self._blocks[identity, size] = block
        return block

    def asked(self) -> list[_Asked]:
        """What `select` was asked for since the last time."""
        asked, self._asked = self._asked, {}
        return list(asked)

    def begin(self, asked: Iterable[_Asked], experience: TrainExperience) -> None:
        """Begin, beside the caller, to select of an experience to come what will be asked of it:
        on the CPU and by `greedy`, which takes its time on one core.
        """
        wanted = [one for one in asked if one.selector == "greedy"]
        if self.device.type != "cpu" or not wanted:
            return
        for category in experience.categories:
            source = experience.source(category)
            for one in wanted:
                identity = one.identity(source)
                known = self._picks.get(identity, _NOTHING)
                if len(known) < one.size and identity not in self._begun:
                    work = partial(self._selection, identity, source, category, one)
                    self._begun[identity] = submit(work, "selection")

    def stop(self) -> None:
        """Begin nothing of what still waits."""
        for begun in self._begun.values():
            begun.cancel()
        self._begun.clear()

    def centroid(self, experience: TrainExperience, category: str) -> np.ndarray:
        """(D,) float64 mean of all training patch embeddings of a category."""
        source = experience.source(category)
        if source.digest not in self._centroids:
            self._centroids[source.digest] = self._stored(
                f"{source.digest}-centroid", lambda: _mean(_rows(source))
            )
        return self._centroids[source.digest]

    def patch_count(self, experience: TrainExperience, category: str) -> int:
        """How many training patches a category has."""
        return _count(experience.source(category))

    def gather(self, experience: TrainExperience, category: str, rows: np.ndarray) -> Block:
        """A block of these training patches of a category (rows count over images and patches)."""
        return Block.of(_gather(experience.source(category), rows, self.device))

    def everything(self, experience: TrainExperience, category: str) -> Block:
        """A block of all training patches of a category."""
        total = self.patch_count(experience, category)
        return self.gather(experience, category, np.arange(total))

    def reduce(self, blocks: Sequence[Block], size: int) -> np.ndarray:
        """Exact greedy selection of `size` vectors from a union of blocks.

        Returns row indices into the blocks' concatenation, in selection order (all rows where
        there are no more than `size`); begun at the vector nearest the mean.
        """
        import torch

        total = sum(len(block) for block in blocks)
        if total <= size:
            return np.arange(total)
        digests = "\n".join(block.digest for block in blocks)
        identity = hashlib.sha256(f"{digests}\nunion".encode()).hexdigest()

        def select(chosen: list[int]) -> np.ndarray:
            union = torch.cat([block.vectors for block in blocks])
            first = chosen[0] if chosen else k_center.nearest_to_mean(union)
            return k_center.greedy_k_center(union, size, first, chosen=chosen)

        return self._shared(identity, size, total, select)

    def _selection(
        self,
        identity: str,
        source: PatchSource,
        category: str,
        asked: _Asked,
    ) -> np.ndarray:
        total = _count(source)
        size = min(asked.size, total)
        selector = asked.selector

        def select(chosen: list[int]) -> np.ndarray:
            self.reporter.detail(f"selecting {size} of {total} patches of {category}")
            rng = generator(asked.seed, f"coreset-{selector}", source.digest)
            if selector == "random":
                return rng.permutation(total)[:size]
            patches = self._patches(source)
            if selector == "approximate_greedy":
                return k_center.approximate_greedy_k_center(patches, size, rng)
            if selector == "herding":
                return herding.herding(patches, size)
            if selector == "kmeans":
                return k_means.k_means(patches, size, rng)
            if chosen:
                first = chosen[0]
            elif asked.start == "random":
                first = int(rng.integers(total))
            else:
                first = k_center.nearest_to_mean(patches)
            return k_center.greedy_k_center(patches, size, first, chosen=chosen)

        return self._shared(identity, size, total, select)

    def _shared(
        self,
        identity: str,
        size: int,
        total: int,
        select: Callable[[list[int]], np.ndarray],
    ) -> np.ndarray:
        """The selection called `identity`; `select` is given what is known, where that is short."""
        known = self._picks.get(identity, _NOTHING)
        if len(known) < size:
            known = max(known, self._load(identity, total), key=len)
        if len(known) < size:
            known = select(known.tolist())
            self._save(identity, known)
        self._picks[identity] = known
        return known[:size]

    def _patches(self, source: PatchSource) -> k_center.Patches:
        """All patches where selection is to run: mapped pieces, or one tensor on the device."""
        import torch

        pieces = _rows(source)
        if self.device.type == "cpu":
            return pieces
        return torch.from_numpy(np.concatenate(pieces)).to(self.device)

    def _load(self, identity: str, total: int) -> np.ndarray:
        """A stored selection; empty where there is none or it is not one of `total` rows."""
        stored = _read(self._path(identity), self.reporter)
        if stored is None or stored.ndim != 1 or stored.dtype != np.int64 or not len(stored):
            return _NOTHING
        return stored if stored.min() >= 0 and stored.max() < total else _NOTHING

    def _save(self, identity: str, array: np.ndarray) -> None:
        path = self._path(identity)
        if path is not None:
            write_bytes(path, _pack(array))

    def _stored(self, identity: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        array = _read(self._path(identity), self.reporter)
        if array is None:
            array = compute()
            self._save(identity, array)
        return array

    def _path(self, identity: str) -> Path | None:
        return self.cache / "coresets" / f"{identity}.npy" if self.cache else None


def _rows(source: PatchSource) -> list[np.ndarray]:
    """Patches as a list of (n, D) pieces, memory-mapped."""
    return [piece.reshape(-1, piece.shape[-1]) for piece in source.arrays()]


def _count(source: PatchSource) -> int:
    """How many patches there are."""
    return sum(len(piece) for piece in _rows(source))


def _mean(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """(D,) float64 mean over all rows, in bounded memory."""
    total = sum(piece.sum(axis=0, dtype=np.float64) for piece in pieces)
    mean: np.ndarray = total / sum(len(piece) for piece in pieces)
    return mean


def _gather(source: PatchSource, picks: np.ndarray, device: torch.device) -> torch.Tensor:
    """The picked rows (n, D) float32."""
    import torch

    from .patch_rows import PatchRows

    return PatchRows(_rows(source)).take(torch.as_tensor(picks)).float().to(device)


def _pack(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return seal(buffer.getvalue())


def _read(path: Path | None, reporter: Reporter) -> np.ndarray | None:
    """The array in a packed file, or None where the file is absent or damaged."""
    content = unseal(path, damaged_cache_warning(reporter)) if path else None
    if content is None:
        return None
    array: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
    return array
