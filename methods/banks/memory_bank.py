"""What memory-bank methods share: scoring with blocks, single banks, and blocks as state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...benchmark.interface.block import Block
from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.prediction import MemoryReport, Prediction

if TYPE_CHECKING:
    from torch import Tensor


class SingleBank(Method):
    """One memory bank for all categories: subclasses say how a new category enters it.

    It asks no category for its name, so one that returns enters like a new one.
    """

    recurring = True

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.bank: list[Block] = []

    @abstractmethod
    def add(self, experience: TrainExperience, category: str) -> None:
        """Learn one category: change `self.bank`."""

    def observe(self, experience: TrainExperience) -> None:
        for category in experience.categories:
            self.add(experience, category)

    def score(self, batch: TestBatch) -> Prediction:
        distances = self.context.neighbors.min_distance(batch, self.bank)
        return prediction(distances, self.context.grid)

    def memory(self) -> MemoryReport:
        return bank_memory(self.bank, self.bank)

    def state_dict(self) -> State:
        return {"bank": pack_blocks(self.bank)}

    def load_state_dict(self, state: State) -> None:
        self.bank = unpack_blocks(state["bank"], self.context)


def prediction(distances: Tensor, grid: tuple[int, int], route: Tensor | None = None) -> Prediction:
    """Scores from patch distances (B, P): an image's is its largest (PatchCore, not reweighted)."""
    return Prediction(distances.amax(1), distances.reshape(-1, *grid), route)


def bank_memory(scoring: Sequence[Block], stored: Sequence[Block]) -> MemoryReport:
    """The report of a method that scores with `scoring` and keeps `stored` (which includes it)."""
    return MemoryReport(
        scoring_vectors=vector_count(scoring),
        stored_vectors=vector_count(stored),
        scoring_bytes=sum(block.nbytes for block in scoring),
        stored_bytes=sum(block.nbytes for block in stored),
    )


def vector_count(blocks: Iterable[Block]) -> int:
    """Vectors in all blocks."""
    return sum(len(block) for block in blocks)


def taken(blocks: Sequence[Block], picks: np.ndarray) -> list[Block]:
    """The picked rows of the blocks' concatenation, still grouped by block.

    A block that stays whole stays the same block, so that distances to it are not computed again.
    """
    kept = []
    start = 0
    for block in blocks:
        mine = np.sort(picks[(picks >= start) & (picks < start + len(block))]) - start
        start += len(block)
        if len(mine) == len(block):
            kept.append(block)
        elif len(mine):
            kept.append(block.take(mine))
    return kept


def selected_again(context: MethodContext, blocks: Sequence[Block], size: int) -> Block:
    """One block: the greedy selection, in its order, of at most `size` vectors of the blocks."""
    import torch

    picks = context.coresets.reduce(blocks, size)
    return Block.of(torch.cat([block.vectors for block in blocks])).take(picks)


def pack_blocks(blocks: Sequence[Block]) -> list[dict[str, object]]:
    """Blocks as part of a method's state."""
    return [{"vectors": block.vectors, "digest": block.digest} for block in blocks]


def unpack_blocks(state: Sequence[Mapping[str, Any]], context: MethodContext) -> list[Block]:
    """The blocks that `pack_blocks` wrote, on the context's device."""
    return [Block(entry["vectors"].to(context.device), entry["digest"]) for entry in state]
