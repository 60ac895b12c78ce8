"""Notes on runs that asked for approximate search and had only banks that are searched exactly."""

from __future__ import annotations

from collections.abc import Sequence

from ..counts import format_count
from ..records.record import Record


def search_notes(records: Sequence[Record], smallest: int) -> list[str]:
    """Say in how many runs `search=approximate` had no effect; no note if in none.

    Args:
        records: the runs.
        smallest: vectors of the smallest bank that is searched approximately.
    """
    runs = sum(
        record.params.get("search") == "approximate" and _largest_bank(record) < smallest
        for record in records
    )
    if not runs:
        return []
    return [
        f"search=approximate: no effect ({format_count(runs, 'run')}): no bank had {smallest:,} "
        "vectors, and smaller banks are searched exactly"
    ]


def _largest_bank(record: Record) -> int:
    """Vectors of the largest bank: of an expert, or of the entire method if it has no experts."""
    memory = record.memory
    of_experts = memory[memory["expert"] >= 0]
    return int((of_experts if len(of_experts) else memory)["scoring_vectors"].max())
