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


class _Distances:
    """Distances of images to one block: a row (P,) for each image that was searched in it."""

    def __init__(self, patches: int, device: torch.device) -> None:
        import torch

        self.rows: dict[str, int] = {}
        self.values = torch.empty((0, patches), device=device)

    def lacking(self, ids: Sequence[str]) -> tuple[int, ...]:
        """Positions of the ids that have no row yet, each once."""
        unknown: dict[str, int] = {}
        for place, identity in enumerate(ids):
            if identity not in self.rows:
                unknown.setdefault(identity, place)
        return tuple(unknown.values())

    def add(self, ids: Sequence[str], distances: Tensor) -> None:
        """Rows (n, P) for new ids; room doubles when it is used up."""
        start, end = len(self.rows), len(self.rows) + len(ids)
        if end > len(self.values):
            room = self.values.new_empty((max(end, 2 * start), self.values.shape[1]))
            room[:start] = self.values[:start]
            self.values = room
        self.values[start:end] = distances
        self.rows.update(zip(ids, range(start, end), strict=True))

    def of(self, ids: Sequence[str]) -> Tensor:
        """(B, P), a copy."""
        return self.values[[self.rows[identity] for identity in ids]]


@dataclass
class Neighbours:
    """`min_distance` for methods; keeps the latest used blocks' distances within `budget` bytes.

    search: the exact search to use, see `exact_search`.
    """

    search: Search
    budget: int = DEFAULT_BUDGET
    _blocks: OrderedDict[str, _Distances] = field(default_factory=OrderedDict, repr=False)

    def min_distance(self, batch: TestBatch, blocks: Sequence[Block]) -> Tensor:
        """(B, P) float32: each patch's Euclidean distance to the nearest vector of all blocks."""
        import torch

        if not blocks:
            raise ValueError("min_distance needs at least one block")
        self._fill(batch, blocks)
        nearest = self._blocks[blocks[0].digest].of(batch.ids)
        for block in blocks[1:]:
            torch.minimum(nearest, self._blocks[block.digest].of(batch.ids), out=nearest)
        self._evict()
        return nearest

    def forget(self) -> None:
        """Drop every distance."""
        self._blocks.clear()

    def _fill(self, batch: TestBatch, blocks: Sequence[Block]) -> None:
        """Search what is not known yet: blocks that lack the same images in one go."""
        lacking: dict[tuple[int, ...], list[Block]] = {}
        for block in {block.digest: block for block in blocks}.values():
            held = self._blocks.get(block.digest)
            if held is None:
                held = _Distances(batch.patches.shape[1], block.vectors.device)
                self._blocks[block.digest] = held
            self._blocks.move_to_end(block.digest)
            if places := held.lacking(batch.ids):
                lacking.setdefault(places, []).append(block)
        for places, alike in lacking.items():
            whole = len(places) == len(batch)
            wanted = batch.patches if whole else batch.patches[list(places)]
            found = self.search(wanted.flatten(0, 1), [block.vectors for block in alike])
            ids = [batch.ids[place] for place in places]
            for block, distances in zip(alike, found, strict=True):
                self._blocks[block.digest].add(ids, distances.reshape(wanted.shape[:2]))

    def _evict(self) -> None:
        """Drop the blocks that were used longest ago, but never the last one used."""
        size = sum(held.values.nbytes for held in self._blocks.values())
        while size > self.budget and len(self._blocks) > 1:
            _, oldest = self._blocks.popitem(last=False)
            size -= oldest.values.nbytes
