"""How far two assignments of categories to experts agree, whatever the experts are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

Assignment = Mapping[str, int]
"""Category -> the expert that owns it."""


@dataclass(frozen=True)
class Agreement:
    """Two assignments of the same categories, ours and theirs.

    rand: adjusted Rand index, 1 for the same groups, about 0 for chance. Of all `pairs` of
    categories, `together` share an expert in both and `apart` in neither. `matched` of the
    `categories` lie in the expert that stands for theirs under the best one-to-one matching.
    """

    rand: float
    together: int
    apart: int
    pairs: int
    matched: int
    categories: int


def agreement(ours: Assignment, theirs: Assignment) -> Agreement:
    """The agreement over the categories that both assign."""
    from sklearn.metrics import adjusted_rand_score

    names = sorted(ours.keys() & theirs.keys())
    mine, other = [ours[name] for name in names], [theirs[name] for name in names]
    pairs = list(combinations(range(len(names)), 2))
    same = [(mine[a] == mine[b], other[a] == other[b]) for a, b in pairs]
    match = best_matching(ours, theirs)
    return Agreement(
        rand=float(adjusted_rand_score(other, mine)) if names else float("nan"),
        together=same.count((True, True)),
        apart=same.count((False, False)),
        pairs=len(pairs),
        matched=sum(match.get(theirs[name]) == ours[name] for name in names),
        categories=len(names),
    )


def best_matching(ours: Assignment, theirs: Assignment) -> dict[int, int]:
    """Their expert -> the one of ours that stands for it, one to one, sharing most categories.

    Experts that share no category with their counterpart have none.
    """
    from scipy.optimize import linear_sum_assignment

    names = sorted(ours.keys() & theirs.keys())
    rows, columns = _experts(theirs, names), _experts(ours, names)
    shared = np.zeros((len(rows), len(columns)), dtype=np.int64)
    for name in names:
        shared[rows.index(theirs[name]), columns.index(ours[name])] += 1
    chosen = zip(*linear_sum_assignment(shared, maximize=True), strict=True)
    return {rows[i]: columns[j] for i, j in chosen if shared[i, j]}


def _experts(assignment: Assignment, names: Sequence[str]) -> list[int]:
    return sorted({assignment[name] for name in names})
