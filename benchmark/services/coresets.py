"""Coresets of a category's training patches, selected once and shared by every cell.

What is kept on disk is the selection (row indices in selection order), not the vectors: it is
small, and a longer selection serves every shorter one, since a greedy prefix is greedy itself.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from benchmark.method import Block, TrainExperience
from benchmark.randomness import generator
from benchmark.reporting import Reporter, Silent
from benchmark.services import k_center
from results.files import seal, unseal, write_bytes

if TYPE_CHECKING:
    import torch

    from benchmark.features.source import PatchSource

Selector: TypeAlias = Literal["greedy", "approximate_greedy", "random"]
Start: TypeAlias = Literal["mean", "random"]


@dataclass
class Coresets:
    """`select` and `centroid` for methods; `cache` None keeps everything in memory.

    seed: used only by selections that draw (`random` selector or start, `approximate_greedy`).
    """

    device: torch.device
    cache: Path | None = None
    reporter: Reporter = field(default_factory=Silent, repr=False)
    _picks: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
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
        """The coreset of a category's patch embeddings: a block of min(size, N) vectors.

        `greedy` is exact k-centre selection in selection order, begun at the patch nearest the
        mean or at a random one; `approximate_greedy` is the variant published with PatchCore;
        `random` is a uniform sample.
        """
        source = experience.source(category)
        drawn = selector != "greedy" or start == "random"
        recipe = f"{selector}-{start}" + (f"-{seed}" if drawn else "")
        identity = hashlib.sha256(f"{source.digest}\n{recipe}".encode()).hexdigest()
        block = self._blocks.get((identity, size))
        if block is None:
            picks = self._selection(identity, source, category, size, selector, start, seed)
            block = Block.of(_gather(source, picks, self.device))
            self._blocks[identity, size] = block
        return block

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
        return sum(len(piece) for piece in _rows(experience.source(category)))

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
        known = self._picks.get(identity)
        if known is None or len(known) < size:
            known = self._load(identity, total)
        if known is None or len(known) < size:
            union = torch.cat([block.vectors for block in blocks]).cpu().numpy()
            known = k_center.greedy_k_center(union, size, k_center.nearest_to_mean(union))
            self._save(identity, known)
        self._picks[identity] = known
        return known[:size]

    def _selection(
        self,
        identity: str,
        source: PatchSource,
        category: str,
        size: int,
        selector: Selector,
        start: Start,
        seed: int,
    ) -> np.ndarray:
        patches = _rows(source)
        total = sum(len(piece) for piece in patches)
        size = min(size, total)
        known = self._picks.get(identity)
        if known is None or len(known) < size:
            known = self._load(identity, total)
        if known is None or len(known) < size:
            self.reporter.detail(f"selecting {size} of {total} patches of {category}")
            rng = generator(seed, f"coreset-{selector}", source.digest)
            if selector == "random":
                known = rng.permutation(total)[:size]
            elif selector == "approximate_greedy":
                known = k_center.approximate_greedy_k_center(patches, size, rng)
            else:
                before = known if known is not None else np.empty(0, dtype=np.int64)
                if len(before):
                    first = int(before[0])
                elif start == "random":
                    first = int(rng.integers(total))
                else:
                    first = k_center.nearest_to_mean(patches)
                known = k_center.greedy_k_center(patches, size, first, chosen=before)
            self._save(identity, known)
        self._picks[identity] = known
        return known[:size]

    def _load(self, identity: str, total: int) -> np.ndarray | None:
        """A stored selection, or None where there is none or it is not one of `total` rows."""
        stored = _read(self._path(identity))
        if stored is None or stored.ndim != 1 or stored.dtype != np.int64 or not len(stored):
            return None
        return stored if stored.min() >= 0 and stored.max() < total else None

    def _save(self, identity: str, array: np.ndarray) -> None:
        path = self._path(identity)
        if path is not None:
            write_bytes(path, _pack(array))

    def _stored(self, identity: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        array = _read(self._path(identity))
        if array is None:
            array = compute()
            self._save(identity, array)
        return array

    def _path(self, identity: str) -> Path | None:
        return self.cache / "coresets" / f"{identity}.npy" if self.cache else None


def _rows(source: PatchSource) -> list[np.ndarray]:
    """Patches as a list of (n, D) pieces, memory-mapped."""
    return [piece.reshape(-1, piece.shape[-1]) for piece in source.arrays()]


def _mean(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """(D,) float64 mean over all rows, in bounded memory."""
    total = sum(piece.sum(axis=0, dtype=np.float64) for piece in pieces)
    mean: np.ndarray = total / sum(len(piece) for piece in pieces)
    return mean


def _gather(
    source: PatchSource, picks: Sequence[int] | np.ndarray, device: torch.device
) -> torch.Tensor:
    """The picked rows (n, D) float32."""
    import torch

    pieces = _rows(source)
    starts = np.cumsum([0, *(len(piece) for piece in pieces)])
    picks = np.asarray(picks)
    owner = np.searchsorted(starts, picks, side="right") - 1
    vectors = np.empty((len(picks), pieces[0].shape[1]), dtype=np.float32)
    for index in np.unique(owner):
        mine = owner == index
        vectors[mine] = pieces[index][picks[mine] - starts[index]]
    return torch.from_numpy(vectors).to(device)


def _pack(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return seal(buffer.getvalue())


def _read(path: Path | None) -> np.ndarray | None:
    """The array in a packed file, or None where the file is absent or damaged."""
    content = unseal(path) if path else None
    if content is None:
        return None
    array: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
    return array
