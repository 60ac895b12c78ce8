"""Tiers of leaderboard rows: how far each number can be relied on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .groups import PublishedGroup
from .rows import PublishedRow

REPRODUCED = "reproduced here"
SOURCE = "published (source checked)"
SECONDARY = "published (secondary)"
LEAKAGE = "leakage-flagged"

TIERS: Mapping[str, str] = {
    REPRODUCED: "run by cadbench; the key names the record behind each number",
    SOURCE: "printed in its source (read there; this says nothing about whether the number is "
    "right)",
    SECONDARY: "printed, but read only in another publication or notes",
    LEAKAGE: "printed; an epoch or a threshold was chosen on test data",
}
"""Tier -> meaning, the most reliable tier first."""


def tier_of(rows: Sequence[PublishedRow]) -> str:
    """Return the tier of a table row with these published numbers.

    Its metrics decide. Forgetting counts only if there is no other number, because it is often
    checked less well.
    """
    if any(row.leakage for row in rows):
        return LEAKAGE
    metrics = [row for row in rows if row.metric != "forgetting"] or rows
    return SOURCE if all(row.checked == "source" for row in metrics) else SECONDARY


def forgetting_caveat(group: PublishedGroup, tier: str) -> str:
    """Return a footnote if the printed forgetting is checked less well than its row's tier."""
    row = group.forgetting
    weaker = row is not None and row.checked == "secondary" and tier == SOURCE
    return f"printed forgetting: {TIERS[SECONDARY]}" if weaker else ""
