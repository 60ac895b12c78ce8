"""Nearest-neighbour distances from test patches to memory blocks, each computed once and shared.

A memory is a union of blocks, and the minimum over a union is the minimum of the blocks' minima.
So the cache holds, for each (test image, block), the distances of its patches to the block; expert
counts, experiences, methods and seeds that share a block share the work.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from benchmark.method import Block, TestBatch

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Search: TypeAlias = "Callable[[Tensor, Sequence[Tensor]], Tensor]"
"""(queries (N, D), blocks of (M_k, D)) -> (K, N) float32 distance of each query to each block."""

DEFAULT_BUDGET = 512 * 1024 * 1024


@dataclass
class _Distances:
    """Distances (images, P) of all images met so far to one block, and which rows are filled."""

    values: Tensor
    known: Tensor


@dataclass
class Neighbours:
    """`min_distance` for methods; keeps the latest used blocks' distances within `budget` bytes.

    search: the exact search to use, see `exact_search`.
    """

    search: Search
    budget: int = DEFAULT_BUDGET
    _rows: dict[str, int] = field(default_factory=dict, repr=False)
    _blocks: OrderedDict[str, _Distances] = field(default_factory=OrderedDict, repr=False)

    def min_distance(self, batch: TestBatch, blocks: Sequence[Block]) -> Tensor:
        """(B, P) float32: each patch's Euclidean distance to the nearest vector of all blocks."""
        import torch

        if not blocks:
            raise ValueError("min_distance needs at least one block")
        rows = torch.tensor([self._rows.setdefault(i, len(self._rows)) for i in batch.ids])
        self._fill(batch, rows, blocks)
        held = [self._blocks[block.digest] for block in blocks]
        places = rows.to(held[0].values.device)
        nearest = held[0].values[places]
        for distances in held[1:]:
            torch.minimum(nearest, distances.values[places], out=nearest)
        self._evict()
        return nearest

    def forget(self) -> None:
        """Drop every distance."""
        self._blocks.clear()

    def _fill(self, batch: TestBatch, rows: Tensor, blocks: Sequence[Block]) -> None:
        """Search what is not known yet: blocks that lack the same images in one go."""
        lacking: dict[bytes, list[Block]] = {}
        for block in {block.digest: block for block in blocks}.values():
            held = self._blocks.get(block.digest)
            if held is None or int(rows.max()) >= len(held.known):
                patches = held.values.shape[1] if held is not None else batch.patches.shape[1]
                held = _grown(held, len(self._rows), patches, block.vectors.device)
                self._blocks[block.digest] = held
            self._blocks.move_to_end(block.digest)
            if not held.known[rows].all():
                lacking.setdefault(held.known[rows].numpy().tobytes(), []).append(block)
        for alike in lacking.values():
            missing = ~self._blocks[alike[0].digest].known[rows]
            everything = bool(missing.all())
            wanted = (
                batch.patches if everything else batch.patches[missing.to(batch.patches.device)]
            )
            found = self.search(wanted.flatten(0, 1), [block.vectors for block in alike])
            places = rows[missing]
            for block, distances in zip(alike, found, strict=True):
                held = self._blocks[block.digest]
                held.values[places.to(distances.device)] = distances.reshape(wanted.shape[:2])
                held.known[places] = True

    def _evict(self) -> None:
        """Drop the blocks that were used longest ago, but never the last one used."""
        size = sum(held.values.nbytes for held in self._blocks.values())
        while size > self.budget and len(self._blocks) > 1:
            _, oldest = self._blocks.popitem(last=False)
            size -= oldest.values.nbytes


def _grown(held: _Distances | None, images: int, patches: int, device: torch.device) -> _Distances:
    """Room for at least `images` rows (and half as many more), keeping what is held."""
    import torch

    room = images + images // 2 + 32
    values = torch.empty((room, patches), device=device)
    known = torch.zeros(room, dtype=torch.bool)
    if held is not None:
        values[: len(held.known)] = held.values
        known[: len(held.known)] = held.known
    return _Distances(values, known)
