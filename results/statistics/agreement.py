"""Agreement of two assignments of categories to experts, for any numbering of the experts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

Assignment = Mapping[str, int]
"""Category -> the expert that owns it."""


@dataclass(frozen=True)
class Agreement:
    """How well two assignments of the same categories agree.

    Args:
        rand: adjusted Rand index, 1 for the same groups, about 0 for chance.
        together: pairs of categories that share an expert in both assignments.
        apart: pairs that share an expert in neither.
        pairs: all pairs.
        matched: categories in the matching expert, under the best one-to-one matching of experts.
        categories: all categories.
    """

    rand: float
    together: int
    apart: int
    pairs: int
    matched: int
    categories: int


def agreement(ours: Assignment, theirs: Assignment) -> Agreement:
    """Measure the agreement over the categories that both assign."""
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
    """Match their experts to ours, one to one, so that as many categories as possible are shared.

    Returns:
        Their expert -> ours; experts that share no category with their match are left out.
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
