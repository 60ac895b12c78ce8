"""The row with the best mean, and the rows that do not differ from it significantly."""

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
        close: the rows that do not differ from it significantly.
        note: how that was tested, or why no difference can be significant.
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
    categories = format_count(N, "category")
    if smallest_p(N) * len(others) > ALPHA:
        few = (
            f"with {categories} and {format_count(len(others), 'comparison')} no difference from "
            f"the best {heading} can be significant at {ALPHA:g}, however large (Wilcoxon, Holm); "
            "compare fewer rows, or report intervals"
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
    how = f"Wilcoxon over {categories}, Holm for {format_count(len(others), 'row')}"
    note = f"no significant difference from the best {heading} at {ALPHA:g} ({how})"
    note = note if close else ""
    return Leader(places[best], tuple(places[k] for k in sorted(close)), note)
