"""AUROC of each kind of defect, of all methods."""

from __future__ import annotations

import numpy as np

from ...counts import format_count
from ...metrics.registry import CATEGORY_METRICS, DEFAULT
from ...tables.defects import defect_reader, kinds_of
from ..drawing.figure import FinishedFigure
from ..drawing.heat import Heat, draw_heat
from ..selection import NothingToDraw, Selection

_MOST = 40
"""Kinds that fit on a page."""


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One row per kind of defect, one column per row of the comparison."""
    rows = selection.compared()
    c = selection.comparison(rows)
    kinds = kinds_of(rows)
    values = np.array(
        [
            [np.mean([defect_reader(kind)(reading) for reading in readings]) for kind in kinds]
            for readings in c.readings
        ]
    ).T
    if np.isnan(values).all():
        raise NothingToDraw("no kind of defect has an AUROC in these rows")
    hardest = np.argsort(np.nan_to_num(values, nan=1.0).mean(axis=1), kind="stable")[:_MOST]
    shown = sorted(hardest.tolist())
    names = [f"{category}: {defect} ({n})" for (category, defect), n in kinds.items()]
    heat = Heat(
        values[shown],
        [names[k] for k in shown],
        selection.titles(rows),
        scale=CATEGORY_METRICS[DEFAULT].heading,
        across="",
        metric=CATEGORY_METRICS[DEFAULT],
    )
    which = "each kind of defect"
    if len(shown) < len(kinds):
        which = f"the {len(shown)} hardest of {format_count(len(kinds), 'kind')} of defects"
    caption = (
        f"AUROC after the last experience of {which} (in parentheses the number of its images) "
        f"against the good images of its category; means over runs. {c.title}"
    )
    return FinishedFigure(draw_heat(heat, width), caption)
