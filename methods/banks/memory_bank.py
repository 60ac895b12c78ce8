"""Shared by methods with memory banks: the base class of single banks, row selection, state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.prediction import MemoryReport, Prediction
from ..bank_scoring import BankScorer, ScoringParams
from .compression import StorageParams, compress, compressed_bytes, pack_bank, unpack_bank

P = TypeVar("P", bound=ScoringParams)
S = TypeVar("S", bound=StorageParams)


class SingleBank(Method[P]):
    """One memory bank for all categories; subclasses define how a new category enters it.

    The bank does not distinguish categories, so one that returns enters like a new one.
    """

    recurring = True

    def __init__(self, params: P, context: MethodContext) -> None:
        super().__init__(params, context)
        self.bank: list[Block] = []

    @abstractmethod
    def add(self, experience: TrainExperience, category: str) -> None:
        """Add a category of an experience to `self.bank`."""

    def observe(self, experience: TrainExperience) -> None:
        for category in experience.categories:
            self.add(experience, category)

    def score(self, batch: TestBatch) -> Prediction:
        scorer = BankScorer(self.params, self.context)
        distances = scorer.distances(batch, self.bank)
        return scorer.predict(batch, distances, [(self.bank, slice(None))])

    def memory(self) -> MemoryReport:
        return bank_memory(self.params, self.bank, self.bank)

    def scoring_blocks(self) -> dict[int, list[Block]]:
        return {-1: self.bank}

    def state_dict(self) -> State:
        return {"bank": pack_blocks(self.bank)}

    def load_state_dict(self, state: State) -> None:
        self.bank = unpack_blocks(state["bank"], self.context)


class CompressedBank(SingleBank[S]):
    """A single bank that is all the method stores, so that it can be stored in fewer bytes."""

    def observe(self, experience: TrainExperience) -> None:
        super().observe(experience)
        self.bank = compress(self.context, self.params, self.bank)

    def state_dict(self) -> State:
        return {"bank": pack_bank(self.params, self.bank)}

    def load_state_dict(self, state: State) -> None:
        self.bank = unpack_bank(self.params, state["bank"], self.context)


def bank_memory(
    params: ScoringParams, scoring: Sequence[Block], stored: Sequence[Block]
) -> MemoryReport:
    """Report the memory of a method without experts.

    Args:
        params: parameters of the method.
        scoring: the blocks that it scores with.
        stored: all blocks that it stores, including those.
    """
    return MemoryReport(
        scoring_vectors=sum(len(block) for block in scoring),
        stored_vectors=sum(len(block) for block in stored),
        scoring_bytes=count_bytes(params, scoring),
        stored_bytes=count_bytes(params, stored),
    )


def count_bytes(params: ScoringParams, blocks: Sequence[Block]) -> int:
    """Bytes of the vectors of a bank as stored, and of their places if the method uses them."""
    if isinstance(params, StorageParams):
        total = compressed_bytes(params, blocks)
    else:
        total = sum(block.nbytes for block in blocks)
    if params.radius >= 0:
        total += sum(block.places.nbytes for block in blocks if block.places is not None)
    return total


def take_rows(blocks: Sequence[Block], picks: np.ndarray) -> list[Block]:
    """Take rows of several blocks and keep them grouped by block.

    A block of which all rows are selected stays the same object, so that its cached distances are
    still used.

    Args:
        blocks: any number of blocks.
        picks: indices into the concatenated blocks, in any order.

    Returns:
        One block per input block with at least one picked row, rows in ascending order.
    """
    selected = []
    start = 0
    for block in blocks:
        rows = np.sort(picks[(picks >= start) & (picks < start + len(block))]) - start
        start += len(block)
        if len(rows) == len(block):
            selected.append(block)
        elif len(rows):
            selected.append(block.take(rows))
    return selected


def reselect(context: MethodContext, blocks: Sequence[Block], size: int) -> Block:
    """Select at most `size` vectors of several blocks greedily, as one block in selection order."""
    picks = context.coresets.reduce(blocks, size)
    return Block.join(blocks).take(picks)


def pack_blocks(blocks: Sequence[Block]) -> list[dict[str, object]]:
    """Convert blocks to plain values for the state of a method."""
    return [
        {
            "vectors": block.vectors,
            "digest": block.digest,
            "places": block.places,
            "category": block.category,
        }
        for block in blocks
    ]


def unpack_blocks(state: Sequence[Mapping[str, Any]], context: MethodContext) -> list[Block]:
    """Restore blocks that `pack_blocks` converted, on the device of the context."""
    return [
        Block(
            entry["vectors"].to(context.device),
            entry["digest"],
            places=entry.get("places"),
            category=entry.get("category"),
        )
        for entry in state
    ]
