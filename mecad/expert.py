"""An expert of MECAD: the categories that it owns, and the vectors that it stores of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from ..benchmark.interface.memory_block import Block
from ..benchmark.interface.prediction import ExpertMemory
from ..methods.bank_scoring import ScoringParams
from ..methods.banks.memory_bank import count_bytes
from .memory import count_stored_rows

ExpertCentroid: TypeAlias = Literal["categories", "memory", "buffer"]
CategoryCentroid: TypeAlias = Literal["patches", "coreset"]


@dataclass(eq=False)
class Member:
    """The vectors that an expert stores of one of its categories.

    Attributes:
        category: name of the category.
        coreset: S_c (n, D) in selection order; only its buffered part after a newer category.
        buffer: number of vectors, from the first, in the replay buffer.
        rows: sorted rows of the coreset that score.
        scoring: these rows as a block.
        centroid: (D,) float64 mean of its patches or coreset, if experts are compared by it.
        patches: number of training patches that it was learned from.
    """

    category: str
    coreset: Block
    buffer: int
    rows: np.ndarray
    scoring: Block
    centroid: np.ndarray | None = None
    patches: int = 0


@dataclass(eq=False)
class Expert:
    """One PatchCore model and the categories that it owns, oldest first.

    Attributes:
        members: one entry per category.
        updates: how many times a category was assigned to the expert.
    """

    members: list[Member] = field(default_factory=list)
    updates: int = 0
    _centroid: np.ndarray | None = None

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories, oldest first."""
        return tuple(member.category for member in self.members)

    @property
    def memory(self) -> list[Block]:
        """M_e: the scoring vectors of the newest category and of the older ones."""
        return [member.scoring for member in self.members if len(member.scoring)]

    def count_update(self) -> None:
        """Count a change of the memory, and drop the cached centroid."""
        self.updates += 1
        self._centroid = None

    def centroid(self, of: ExpertCentroid) -> np.ndarray:
        """(D,) float64 vector that a new category is compared with, cached until the next update.

        Args:
            of: `categories`: the mean of the centroids of the categories; `memory`: the mean of
                the vectors that score; `buffer`: the mean of the buffered vectors.
        """
        if self._centroid is None:
            if of == "categories":
                known = [m.centroid for m in self.members if m.centroid is not None]
                self._centroid = np.mean(known, axis=0)
            elif of == "memory":
                self._centroid = mean_vector(self.memory)
            else:
                self._centroid = mean_vector(
                    [select_rows(m.coreset, np.arange(m.buffer)) for m in self.members]
                )
        return self._centroid

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
        centroids = sum(m.centroid.nbytes for m in self.members if m.centroid is not None)
        return ExpertMemory(
            expert=index,
            categories=self.categories,
            scoring_vectors=scoring,
            stored_vectors=stored,
            scoring_bytes=scoring * vector_bytes + router_bytes,
            stored_bytes=stored * vector_bytes + centroids + router_bytes,
            utilization=sum(buffers.values()) / budget,
        )


def select_rows(coreset: Block, rows: np.ndarray) -> Block:
    """The rows of a coreset as a block; the coreset itself if these are all its rows."""
    return coreset if len(rows) == len(coreset) else coreset.take(rows)


def mean_vector(blocks: Sequence[Block]) -> np.ndarray:
    """(D,) float64 mean of all vectors of several blocks."""
    sums = [block.vectors.double().sum(0).cpu().numpy() for block in blocks]
    mean: np.ndarray = np.sum(sums, axis=0) / sum(len(block) for block in blocks)
    return mean
