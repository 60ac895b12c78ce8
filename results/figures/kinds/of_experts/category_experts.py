"""The heat map of the paper: final metric of each category, by number of experts."""

from __future__ import annotations

import numpy as np

from ....analysis.rows import experts_of
from ...drawing.figure import FinishedFigure
from ...drawing.heat import Heat, draw_heat
from ...selection import NothingToDraw, Selection


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One row per category, one column per number of experts, the mean below."""
    rows = selection.main_sweep()
    c = selection.comparison(rows)
    categories = c.readings[0][0].of(selection.base)
    if not categories:
        raise NothingToDraw(f"no category has a final {selection.heading} in all of these rows")
    final = np.array(
        [
            np.mean([reading.matrix(selection.base)[0][-1] for reading in readings], axis=0)
            for readings in c.readings
        ]
    )
    heat = Heat(
        np.vstack([final.T, final.mean(axis=1)]),
        [*categories, "mean"],
        [experts_of(row.first) or 0 for row in rows],
        scale=selection.heading,
        across="experts",
        total=True,
    )
    caption = (
        f"{selection.heading} of each category after the last experience, by the number of "
        f"experts of {rows[0].first.method}; mean over runs. {c.title}"
    )
    return FinishedFigure(draw_heat(heat, width), caption)
