"""Which expert gets a new category: by similarity of mean features as the paper describes, or by a
rule that ignores the features, to show what similarity is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from ..results.errors import UsageError

Rule: TypeAlias = Literal["similarity", "random", "round_robin", "given"]

FIRST = "first category"
ABOVE_THRESHOLD = "above the threshold"
BELOW_THRESHOLD = "below the threshold: an unused expert"
NO_ROOM = "no used expert has room: an unused one"
NO_UNUSED = "no unused expert: the most similar with room"
OWNED = "it owns the category already"
NOTHING_LEFT = "no expert has room: the most similar"
DRAWN = "random: drawn among the experts with room"
DRAWN_OF_ALL = "random: no expert has room, drawn among all"
ROUND_ROBIN = "round robin"
GIVEN = "given: its group"


@dataclass(frozen=True)
class Assignment:
    """The chosen expert, the cosine similarity to every expert in use, and why."""

    expert: int
    similarities: Mapping[int, float]
    reason: str


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of the angle between two vectors (D,); 0 where one of them is zero."""
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.dot(a, b)) / norm if norm else 0.0


def similarities_to(centroid: np.ndarray, means: Mapping[int, np.ndarray]) -> dict[int, float]:
    """Cosine of a category's mean (D,) and the mean vector of each used expert's memory."""
    return {e: cosine(centroid, means[e]) for e in sorted(means)}


def assign(
    centroid: np.ndarray,
    means: Mapping[int, np.ndarray],
    loads: Mapping[int, int],
    *,
    experts: int,
    threshold: float,
    categories_per_expert: int,
) -> Assignment:
    """Assign a category.

    centroid (D,): mean of its training patches; means: mean vector of each used expert's memory;
    loads: how many categories each used expert has. The most similar used expert with room takes
    the category if its similarity exceeds the threshold; otherwise an unused expert, if one is
    left; otherwise the most similar with room, and if none has room, the most similar of all.
    Ties go to the lowest expert. The reason names the threshold only where it made the difference.
    """
    similarities = similarities_to(centroid, means)
    if not similarities:
        return Assignment(0, similarities, FIRST)
    with_room = [e for e in similarities if loads[e] < categories_per_expert]
    unused = sorted(set(range(experts)) - set(similarities))
    best = max(with_room, key=similarities.__getitem__, default=None)
    if unused and best is None:
        return Assignment(unused[0], similarities, NO_ROOM)
    if unused and best is not None:
        if similarities[best] > threshold:
            return Assignment(best, similarities, ABOVE_THRESHOLD)
        return Assignment(unused[0], similarities, BELOW_THRESHOLD)
    if best is not None:
        return Assignment(best, similarities, NO_UNUSED)
    nearest = max(similarities, key=similarities.__getitem__)
    return Assignment(nearest, similarities, NOTHING_LEFT)


def drawn(
    similarities: Mapping[int, float],
    loads: Mapping[int, int],
    rng: np.random.Generator,
    *,
    experts: int,
    categories_per_expert: int,
) -> Assignment:
    """Assign a category uniformly at random: among all experts with room, used or not, or among
    all where none has room."""
    with_room = [e for e in range(experts) if loads.get(e, 0) < categories_per_expert]
    candidates = with_room or list(range(experts))
    chosen = candidates[int(rng.integers(len(candidates)))]
    return Assignment(chosen, similarities, DRAWN if with_room else DRAWN_OF_ALL)


def round_robin(similarities: Mapping[int, float], before: int, *, experts: int) -> Assignment:
    """Assign the experts in turn; before: how many categories were assigned already."""
    return Assignment(before % experts, similarities, ROUND_ROBIN)


def given(
    similarities: Mapping[int, float], category: str, groups: Sequence[Sequence[str]]
) -> Assignment:
    """Assign a category to the expert of its group, an oracle of the grouping."""
    for expert, group in enumerate(groups):
        if category in group:
            return Assignment(expert, similarities, GIVEN)
    raise UsageError(f"mecad.groups leaves out {category}; name every category of the run")
