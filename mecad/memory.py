"""The two-level memory of an expert: the replay buffer, and the vectors that score."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

import numpy as np

Replay: TypeAlias = Literal["random", "full", "shrink"]


@dataclass(frozen=True)
class Budgets:
    """Memory budgets.

    Attributes:
        per_category: vectors of a coreset.
        per_expert: vectors in the buffer of an expert.
        ratio: share of a buffer that is replayed.
    """

    per_category: int
    per_expert: int
    ratio: float

    def buffer(self, size: int, categories: int) -> int:
        """Number of buffered vectors per category, at least 1 so that no category is lost.

        Args:
            size: number of vectors in the coreset of the category.
            categories: number of categories that the expert owns.
        """
        return min(size, self.per_category, max(1, self.per_expert // categories))


def select_replayed_rows(
    replay: Replay, buffer: int, priorities: np.ndarray, ratio: float, previous: np.ndarray | None
) -> np.ndarray:
    """Select the rows of an older category's coreset that score after an update.

    Args:
        replay: `random`: the ceil(ratio * buffer) rows with the smallest priorities; `full`: all
            buffered rows; `shrink`: the same share of the rows that scored before, so that the
            memory gets thinner with every update.
        buffer: number of buffered rows, the first ones of the coreset.
        priorities: (n,) random numbers, one per row.
        ratio: share of the buffer that is replayed.
        previous: rows that scored before; None if the entire coreset did.

    Returns:
        Sorted rows.
    """
    rows = np.arange(buffer)
    if replay == "full":
        return rows
    if replay == "shrink" and previous is not None:
        rows = previous[previous < buffer]
    count = math.ceil(Fraction(str(ratio)) * len(rows))  # exact: 0.07 of 100 is 7, not 8
    smallest = np.argsort(priorities[rows], kind="stable")[:count]
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
