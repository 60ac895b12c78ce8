"""Blending: some training images of a category appear one experience early or late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..system.rng import generator

TrainingIds = dict[str, tuple[str, ...]]
"""The training images of one experience: ids by column."""


def blend_experiences(
    experiences: Sequence[Sequence[str]],
    images: Mapping[str, Sequence[str]],
    share: float,
    order: str,
) -> list[TrainingIds]:
    """Move a share of each column's training images to the neighboring experiences.

    Half of the images that move go to the experience before and half to the one after. The share of
    a column therefore rises and falls linearly over three experiences. The first and the last
    experience have one neighbor, so half as many of their images move. No image is lost or
    repeated, and at least one stays.

    Args:
        experiences: the columns of each experience.
        images: ids of the training images by column.
        share: share of the images that move, 0 to 1.
        order: name of the order; it seeds the choice of the images that move.

    Returns:
        For each experience its late images, then its own, then its early ones.
    """
    last = len(experiences) - 1
    late: list[TrainingIds] = [{} for _ in experiences]
    own: list[TrainingIds] = [{} for _ in experiences]
    early: list[TrainingIds] = [{} for _ in experiences]
    for index, columns in enumerate(experiences):
        for column in columns:
            ids = sorted(set(images[column]))
            shuffled = generator(0, "blend", f"{order}\n{column}").permutation(len(ids))
            half = max(0, min(int(share * len(ids)), len(ids) - 1)) // 2
            before = half if index > 0 else 0
            after = half if index < last else 0
            parts = [
                shuffled[:before],
                shuffled[before : before + after],
                shuffled[before + after :],
            ]
            first, second, rest = (tuple(sorted(ids[k] for k in part)) for part in parts)
            own[index][column] = rest
            if first:
                early[index - 1][column] = first
            if second:
                late[index + 1][column] = second
    return [{**a, **b, **c} for a, b, c in zip(late, own, early, strict=True)]
