"""Rules that assign a new category to an expert.

`similarity` is the paper's rule. The others ignore the features, for ablations of that rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from ..results.errors import UsageError

Rule: TypeAlias = Literal["similarity", "random", "round_robin", "given"]

# The reason of an assignment, as recorded in the events of a run.
FIRST = "first category"
ABOVE_THRESHOLD = "above the threshold"
BELOW_THRESHOLD = "below the threshold: an unused expert"
NO_ROOM_IN_USED = "no used expert has room: an unused one"
NO_UNUSED = "no unused expert: the most similar with room"
OWNED = "it owns the category already"
NO_ROOM_AT_ALL = "no expert has room: the most similar"
RANDOM = "random: drawn among the experts with room"
RANDOM_OF_ALL = "random: no expert has room, drawn among all"
ROUND_ROBIN = "round robin"
GIVEN = "given: its group"


@dataclass(frozen=True)
class Assignment:
    """The expert that gets a category.

    Attributes:
        expert: index of the expert.
        similarities: cosine similarity of the category to every expert in use.
        reason: why this expert was chosen, as recorded in the events of a run.
    """

    expert: int
    similarities: Mapping[int, float]
    reason: str


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of the angle between two vectors (D,); 0 if one of them is zero."""
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.dot(a, b)) / norm if norm else 0.0


def similarities_to(centroid: np.ndarray, means: Mapping[int, np.ndarray]) -> dict[int, float]:
    """Cosine similarity of a category's centroid to every expert in use.

    Args:
        centroid: (D,) centroid of the category.
        means: (D,) centroid of each expert in use.
    """
    return {expert: cosine(centroid, means[expert]) for expert in sorted(means)}


def assign_by_similarity(
    centroid: np.ndarray,
    means: Mapping[int, np.ndarray],
    loads: Mapping[int, int],
    *,
    experts: int,
    threshold: float,
    categories_per_expert: int,
) -> Assignment:
    """Assign a category to the most similar expert, or to an unused one.

    The most similar used expert with room gets the category if its similarity exceeds the
    threshold. Otherwise an unused expert does. If all are used, the most similar one with room
    does; if none has room, the most similar of all. On a tie, the lowest index wins. The reason
    mentions the threshold only if it decided.

    Args:
        centroid: (D,) centroid of the category.
        means: (D,) centroid of each expert in use.
        loads: number of categories of each expert in use.
        experts: number of experts, used and unused.
        threshold: the similarity that a used expert must exceed.
        categories_per_expert: number of categories that an expert has room for.
    """
    similarities = similarities_to(centroid, means)
    if not similarities:
        return Assignment(0, similarities, FIRST)
    with_room = [e for e in similarities if loads[e] < categories_per_expert]
    unused = sorted(set(range(experts)) - set(similarities))
    best = max(with_room, key=similarities.__getitem__, default=None)
    if unused and best is None:
        return Assignment(unused[0], similarities, NO_ROOM_IN_USED)
    if unused and best is not None:
        if similarities[best] > threshold:
            return Assignment(best, similarities, ABOVE_THRESHOLD)
        return Assignment(unused[0], similarities, BELOW_THRESHOLD)
    if best is not None:
        return Assignment(best, similarities, NO_UNUSED)
    nearest = max(similarities, key=similarities.__getitem__)
    return Assignment(nearest, similarities, NO_ROOM_AT_ALL)


def assign_at_random(
    similarities: Mapping[int, float],
    loads: Mapping[int, int],
    rng: np.random.Generator,
    *,
    experts: int,
    categories_per_expert: int,
) -> Assignment:
    """Assign a category uniformly at random to an expert with room, or to any if none has room.

    Args:
        similarities: cosine similarity to every expert in use, for the record.
        loads: number of categories of each expert in use.
        rng: random generator.
        experts: number of experts, used and unused.
        categories_per_expert: number of categories that an expert has room for.
    """
    with_room = [e for e in range(experts) if loads.get(e, 0) < categories_per_expert]
    candidates = with_room or list(range(experts))
    chosen = candidates[int(rng.integers(len(candidates)))]
    return Assignment(chosen, similarities, RANDOM if with_room else RANDOM_OF_ALL)


def assign_in_turn(similarities: Mapping[int, float], before: int, *, experts: int) -> Assignment:
    """Assign categories to the experts in turn.

    Args:
        similarities: cosine similarity to every expert in use, for the record.
        before: number of categories assigned so far.
        experts: number of experts.
    """
    return Assignment(before % experts, similarities, ROUND_ROBIN)


def assign_by_group(
    similarities: Mapping[int, float], category: str, groups: Sequence[Sequence[str]]
) -> Assignment:
    """Assign a category to the expert of its group.

    Args:
        similarities: cosine similarity to every expert in use, for the record.
        category: the category to assign.
        groups: the categories of each expert.

    Raises:
        UsageError: no group names the category.
    """
    for expert, group in enumerate(groups):
        if category in group:
            return Assignment(expert, similarities, GIVEN)
    raise UsageError(f"mecad.groups leaves out {category}; name every category of the run")
