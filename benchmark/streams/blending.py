"""Experiences that blend: some training images come one experience early or late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...results.errors import UsageError
from ..system.rng import generator

Shown = dict[str, tuple[str, ...]]
"""Column -> ids of its training images that an experience shows."""


def checked_blend(share: Any, where: str = "--blend") -> float:
    """A share from 0 (no blending) to 1; `UsageError` otherwise."""
    if not (isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1):
        raise UsageError(
            f"{where} is the share of images that come with a neighboring experience, from 0 to "
            f"1, not {share!r}"
        )
    return float(share)


def blended(
    experiences: Sequence[Sequence[str]],
    images: Mapping[str, Sequence[str]],
    share: float,
    order: str,
) -> list[Shown]:
    """What each experience shows when `share` of every column's images come with a neighbor.

    experiences: the columns of each; images: ids by column; order: the order's name, from which
    the images that move are drawn. Half of them come with the experience before, half with the one
    after, so that shares rise and fall in a straight line over three experiences; the first and the
    last column have one neighbor, and half as many move. No image is lost or shown twice, and one
    at least stays. An experience begins with what is late and ends with what is early.
    """
    last = len(experiences) - 1
    late: list[Shown] = [{} for _ in experiences]
    own: list[Shown] = [{} for _ in experiences]
    early: list[Shown] = [{} for _ in experiences]
    for index, columns in enumerate(experiences):
        for column in columns:
            ids = sorted(set(images[column]))
            drawn = generator(0, "blend", f"{order}\n{column}").permutation(len(ids))
            half = max(0, min(int(share * len(ids)), len(ids) - 1)) // 2
            before = half if index > 0 else 0
            after = half if index < last else 0
            parts = [drawn[:before], drawn[before : before + after], drawn[before + after :]]
            first, second, rest = (tuple(sorted(ids[k] for k in part)) for part in parts)
            own[index][column] = rest
            if first:
                early[index - 1][column] = first
            if second:
                late[index + 1][column] = second
    return [{**a, **b, **c} for a, b, c in zip(late, own, early, strict=True)]
