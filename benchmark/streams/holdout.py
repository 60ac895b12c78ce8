"""Held-out training images: a share of each category that no method learns from.

Their scores set alarm thresholds; see `cadbench.results.metrics.operating_points`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ...results.errors import UsageError
from ..data.item import Item


def hold_out(items: Sequence[Item], share: float) -> tuple[str, ...]:
    """Choose the held-out training images of one column.

    Images are ranked by a hash of category and content, and the first `share` of them (rounded, at
    least one) are held out. The choice depends on nothing else: it is the same for every method,
    seed, order and schedule, and adding an image replaces at most one held-out image. An image is
    held out under all domains or under none.

    Args:
        items: the training images of the column.
        share: the share to hold out; 0 holds out none.

    Returns:
        Content hashes, sorted.

    Raises:
        UsageError: fewer than two different images, of which one must be left for training.
    """
    if not share:
        return ()
    ranks = {item.content: _rank(item) for item in items}
    if len(ranks) < 2:
        name = items[0].column if items else "a category"
        raise UsageError(
            f"--holdout {share:g} needs two distinct training images per category, one to hold out "
            f"and one to learn from; {name} has {len(ranks)}: leave it out, or hold out none"
        )
    count = min(max(1, round(share * len(ranks))), len(ranks) - 1)
    return tuple(sorted(sorted(ranks, key=lambda content: (ranks[content], content))[:count]))


def _rank(item: Item) -> str:
    content = (item.original or item).content
    return hashlib.sha256(f"holdout\0{item.category}\0{content}".encode()).hexdigest()
