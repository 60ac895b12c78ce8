"""Held-out training images: a share of each category that no method learns from.

Their scores set alarm thresholds; see `cadbench.results.metrics.operating_points`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from ...results.errors import UsageError
from ...results.records.schema import THRESHOLD_QUANTILE
from ..data.item import Item


def check_holdout(share: Any, where: str = "--holdout") -> float:
    """Return the share as a float; raise `UsageError` unless it is at least 0 and below 1.

    Args:
        share: share of the training images to hold out; 0 holds out none.
        where: the option or file entry, for the message.
    """
    if not (isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share < 1):
        raise UsageError(
            f"{where} is the share of training images that methods do not learn from, at least 0 "
            f"and below 1, not {share!r}"
        )
    return float(share)


def check_quantile(quantile: Any, holdout: float, where: str = "--threshold-quantile") -> float:
    """Return the quantile as a float; raise `UsageError` unless it is between 0 and 1.

    Args:
        quantile: the quantile of held-out scores that alarm thresholds have.
        holdout: the share of held-out images; without any only the default is possible.
        where: the option or file entry, for the message.
    """
    if not (isinstance(quantile, int | float) and type(quantile) is not bool and 0 < quantile < 1):
        raise UsageError(
            f"{where} is the quantile of held-out scores that alarm thresholds have, above 0 and "
            f"below 1, such as 0.99 for one false alarm in 100 good images, not {quantile!r}"
        )
    if quantile != THRESHOLD_QUANTILE and not holdout:
        raise UsageError(f"{where} needs held-out images: add --holdout 0.1")
    return float(quantile)


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
