"""An expert of MECAD: the categories that it owns, and the vectors that it stores of each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..benchmark.interface.memory_block import Block
from ..benchmark.interface.prediction import ExpertMemory
from ..methods.bank_scoring import ScoringParams
from ..methods.banks.memory_bank import count_bytes
from .memory import count_stored_rows


@dataclass(eq=False)
class Member:
    """The vectors that an expert stores of one of its categories.

    Attributes:
        category: name of the category.
        coreset: S_c (n, D) in selection order; only its buffered part after a newer category.
        buffer: number of vectors, from the first, in the replay buffer.
        rows: sorted rows of the coreset that score.
        scoring: these rows as a block.
    """

    category: str
    coreset: Block
    buffer: int
    rows: np.ndarray
    scoring: Block


@dataclass(eq=False)
class Expert:
    """One PatchCore model and the categories that it owns, oldest first.

    Attributes:
        members: one entry per category.
        updates: how many times a category was assigned to the expert.
    """

    members: list[Member] = field(default_factory=list)
    updates: int = 0
    _mean: np.ndarray | None = None

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories, oldest first."""
        return tuple(member.category for member in self.members)

    @property
    def memory(self) -> list[Block]:
        """M_e: all of the newest coreset, and the replayed vectors of the older categories."""
        return [member.scoring for member in self.members]

    def count_update(self) -> None:
        """Count a change of the memory, and drop the cached mean."""
        self.updates += 1
        self._mean = None

    def mean(self) -> np.ndarray:
        """(D,) float64 mean of all vectors of the memory, cached until the next update."""
        if self._mean is None:
            sums = [block.vectors.double().sum(0).cpu().numpy() for block in self.memory]
            self._mean = np.sum(sums, axis=0) / sum(len(block) for block in self.memory)
        return self._mean

    def report(
        self, params: ScoringParams, index: int, budget: int, router_bytes: int
    ) -> ExpertMemory:
        """Report the memory of this expert.

        Args:
            params: parameters of the method.
            index: index of the expert.
            budget: vectors that its buffer may hold.
            router_bytes: bytes that the router learned for it.
        """
        scoring = sum(len(block) for block in self.memory)
        buffers = {member.category: member.buffer for member in self.members}
        rows = {member.category: member.rows for member in self.members}
        stored = count_stored_rows(rows, buffers)
        coreset = self.members[0].coreset
        vector_bytes = count_bytes(params, [coreset]) // len(coreset)
        return ExpertMemory(
            expert=index,
            categories=self.categories,
            scoring_vectors=scoring,
            stored_vectors=stored,
            scoring_bytes=scoring * vector_bytes + router_bytes,
            stored_bytes=stored * vector_bytes + router_bytes,
            utilization=sum(buffers.values()) / budget,
        )


def select_rows(coreset: Block, rows: np.ndarray) -> Block:
    """The rows of a coreset as a block; the coreset itself if these are all its rows."""
    return coreset if len(rows) == len(coreset) else coreset.take(rows)
