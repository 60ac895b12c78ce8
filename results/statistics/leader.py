"""The row with the best mean, and the rows that a test does not separate from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..analysis.joint import is_reference
from ..analysis.rows import Row
from ..counts import format_count
from ..metrics.registry import CATEGORY_METRICS, DEFAULT
from .paired import paired
from .wilcoxon import signed_ranks, smallest_p

ALPHA = 0.05


@dataclass(frozen=True)
class Leader:
    """The best of the rows that were tested, by places among the rows that were given.

    Attributes:
        best: the row with the best mean after the last experience.
        close: the rows that are not separable from it.
        note: how that was tested, or why nothing can be separated.
    """

    best: int
    close: tuple[int, ...]
    note: str


def find_leader(rows: Sequence[Row], base: str = DEFAULT) -> Leader | None:
    """Find the best row; None if fewer than two rows can be compared.

    Joint references are left out, and rows with other seeds or orders than most rows have.

    Args:
        rows: rows of one protocol and dataset.
        base: a metric of categories.
    """
    designs = [row.design for row in rows if not is_reference(row)]
    usual = max(designs, key=designs.count, default=None)
    places = [
        place for place, row in enumerate(rows) if row.design == usual and not is_reference(row)
    ]
    if len(places) < 2:
        return None
    compared = paired([rows[place] for place in places], base, "final", "category")
    N = compared.units.shape[1]
    if not N:
        return None
    best = int(np.argmax(compared.merits.mean(axis=1)))
    others = [k for k in range(len(places)) if k != best]
    heading = CATEGORY_METRICS[base].heading
    how = (
        f"Wilcoxon over {format_count(N, 'category')}, Holm for {format_count(len(others), 'row')}"
    )
    if smallest_p(N) * len(others) > ALPHA:
        few = (
            f"no row is separable from the best {heading} at {ALPHA:g}, whatever it scores ({how})"
        )
        return Leader(places[best], (), few)
    found = {
        k: signed_ranks(np.round(compared.merits[best] - compared.merits[k], 12)).p for k in others
    }
    close = set(others)
    ordered = sorted(others, key=lambda k: math.inf if math.isnan(found[k]) else found[k])
    for rank, k in enumerate(ordered):
        if not found[k] * (len(others) - rank) < ALPHA:
            break
        close.discard(k)
    note = f"not separable from the best {heading} at {ALPHA:g} ({how})" if close else ""
    return Leader(places[best], tuple(places[k] for k in sorted(close)), note)
