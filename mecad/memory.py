"""An expert's two-level memory: what it scores with, and the buffer it replays from."""

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
    """Budgets in vectors; ratio: the share of a buffer that is replayed."""

    per_category: int
    per_expert: int
    ratio: float

    def buffer(self, size: int, categories: int) -> int:
        """Vectors kept of a category whose coreset has `size`, when an expert owns `categories`.

        At least one, so that no category is lost altogether.
        """
        return min(size, self.per_category, max(1, self.per_expert // categories))


def replayed(
    replay: Replay, buffer: int, priorities: np.ndarray, ratio: float, previous: np.ndarray | None
) -> np.ndarray:
    """Which rows of a category's coreset its expert's memory holds once a newer category came.

    buffer: the first `buffer` rows of the coreset are kept; priorities (n,): random, one a row;
    previous: the rows held until now, or None while the whole coreset was. Returns sorted rows.

    random: the ceil(ratio * buffer) of the smallest priorities; full: all of the buffer;
    shrink: the same share of what is held until now, so the memory thins out at every update.
    """
    rows = np.arange(buffer)
    if replay == "full":
        return rows
    if replay == "shrink" and previous is not None:
        rows = previous[previous < buffer]
    count = math.ceil(Fraction(str(ratio)) * len(rows))  # exact: 0.07 of 100 is 7, not 8
    smallest = np.argsort(priorities[rows], kind="stable")[:count]
    return np.sort(rows[smallest])


def stored_rows(scoring: Mapping[str, np.ndarray], buffers: Mapping[str, int]) -> int:
    """Vectors stored for an expert: scoring and buffered ones, shared ones counted once."""
    return sum(
        buffers[category] + int(np.count_nonzero(rows >= buffers[category]))
        for category, rows in scoring.items()
    )
