"""How far the rows of a leaderboard can be relied on: ours, checked, at second hand, flawed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .groups import PublishedGroup
from .rows import PublishedRow

REPRODUCED = "reproduced here"
SOURCE = "published (source checked)"
SECONDARY = "published (secondary)"
LEAKAGE = "leakage-flagged"

TIERS: Mapping[str, str] = {
    REPRODUCED: "run by cadbench; the record behind each number is named by its key",
    SOURCE: "printed by its source and read there",
    SECONDARY: "printed, but seen in somebody else's notes only",
    LEAKAGE: "printed; an epoch or a threshold was chosen on test data",
}
"""Every tier, the most reliable first, and what it means."""


def tier_of(shown: Sequence[PublishedRow]) -> str:
    """The tier of a row that shows these published numbers.

    Its metrics decide; forgetting, which is often checked otherwise, only where it stands alone.
    """
    if any(row.leakage for row in shown):
        return LEAKAGE
    metrics = [row for row in shown if row.metric != "forgetting"] or shown
    return SOURCE if all(row.checked == "source" for row in metrics) else SECONDARY


def forgetting_caveat(each: PublishedGroup, tier: str) -> str:
    """What has to be said of a printed forgetting that is less well checked than its row's tier."""
    row = each.forgetting
    weaker = row is not None and row.checked == "secondary" and tier == SOURCE
    return f"printed forgetting: {TIERS[SECONDARY]}" if weaker else ""
