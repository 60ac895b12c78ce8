"""The two-level memory of an expert: the replay buffer, and the vectors that score."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

import numpy as np

Replay: TypeAlias = Literal["random", "full", "shrink"]
ReplayShare: TypeAlias = Literal["buffer", "class_budget", "expert_budget"]


@dataclass(frozen=True)
class Budgets:
    """Memory budgets.

    Attributes:
        per_category: vectors of a coreset.
        per_expert: vectors in the buffer of an expert.
        ratio: share that is replayed.
        replay_share: what it is a share of: the buffer of each older category, or of a budget in
            all, which the older categories divide equally.
    """

    per_category: int
    per_expert: int
    ratio: float
    replay_share: ReplayShare = "buffer"

    def buffer(self, size: int, categories: int) -> int:
        """Number of buffered vectors per category, at least 1 so that no category is lost.

        Args:
            size: number of vectors in the coreset of the category.
            categories: number of categories that the expert owns.
        """
        return min(size, self.per_category, max(1, self.per_expert // categories))

    def replayed(self, available: int, place: int, older: int) -> int:
        """Number of vectors that an older category replays, at least 1.

        Args:
            available: number of vectors that it could replay.
            place: its place among the older categories of the expert, from 0, oldest first.
            older: number of these.
        """
        if self.replay_share == "buffer":
            return share_of(self.ratio, available)
        budget = self.per_category if self.replay_share == "class_budget" else self.per_expert
        each, rest = divmod(share_of(self.ratio, budget), older)
        return min(available, max(1, each + (place < rest)))


def share_of(ratio: float, count: int) -> int:
    """ceil(ratio * count), exact for decimals: 0.07 of 100 is 7, not 8."""
    return math.ceil(Fraction(str(ratio)) * count)


def select_replayed_rows(
    replay: Replay,
    buffer: int,
    priorities: np.ndarray,
    replayed: Callable[[int], int],
    previous: np.ndarray | None,
) -> np.ndarray:
    """Select the rows of an older category's coreset that score after an update.

    Args:
        replay: `random`: the buffered rows with the smallest priorities; `full`: all buffered
            rows; `shrink`: the same number of the rows that scored before, so that the memory gets
            thinner with every update.
        buffer: number of buffered rows, the first ones of the coreset.
        priorities: (n,) random numbers, one per row.
        replayed: the number of rows to select, given the number of those to choose from.
        previous: rows that scored before; None if the entire coreset did.

    Returns:
        Sorted rows.
    """
    rows = np.arange(buffer)
    if replay == "full":
        return rows
    if replay == "shrink" and previous is not None:
        rows = previous[previous < buffer]
    smallest = np.argsort(priorities[rows], kind="stable")[: replayed(len(rows))]
    return np.sort(rows[smallest])


def count_stored_rows(scoring: Mapping[str, np.ndarray], buffers: Mapping[str, int]) -> int:
    """Count the vectors that an expert stores; a vector that scores and is buffered counts once.

    Args:
        scoring: per category, the rows that score.
        buffers: per category, the number of buffered rows.
    """
    return sum(
        buffers[category] + int(np.count_nonzero(rows >= buffers[category]))
        for category, rows in scoring.items()
    )
