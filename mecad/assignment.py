"""Which expert gets a new category: by similarity of mean features, as the paper describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

FIRST = "first category"
ABOVE_THRESHOLD = "above the threshold"
BELOW_THRESHOLD = "below the threshold: an unused expert"
NO_ROOM = "no used expert has room: an unused one"
NO_UNUSED = "no unused expert: the most similar with room"
OWNED = "it owns the category already"
NOTHING_LEFT = "no expert has room: the most similar"


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
    similarities = {e: cosine(centroid, means[e]) for e in sorted(means)}
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
