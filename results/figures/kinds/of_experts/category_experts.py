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
    sign = 1 if selection.metric.higher_is_better else -1
    hardest_first = np.argsort(final.mean(axis=0) * sign)
    values = np.vstack([final.T[hardest_first], final.mean(axis=1)])
    shown = values.round(2) * sign
    best = np.argwhere(
        (shown == shown.max(axis=1, keepdims=True)) & (np.ptp(shown, axis=1) > 0)[:, None]
    )
    heat = Heat(
        values,
        [*(categories[c] for c in hardest_first), "mean"],
        [experts_of(row.first) or 0 for row in rows],
        scale=selection.heading,
        across="experts",
        marked=[(int(row), int(column)) for row, column in best],
        total=True,
        metric=selection.metric,
    )
    caption = (
        f"{selection.heading} of each category after the last experience, by the number of "
        f"experts of {rows[0].first.method}; mean over runs; the hardest category first; framed: "
        f"the best of a row. {c.title}"
    )
    return FinishedFigure(draw_heat(heat, width), caption)
