"""The heat map of the paper: each category's final metric, by the number of experts."""

from __future__ import annotations

import numpy as np

from ..drawing.figure import Drawn
from ..drawing.heat import Heat, draw_heat
from ..selection import SWEPT, NothingToDraw, Source, setting_of


def draw(source: Source, width: float) -> Drawn:
    """A category a row, a number of experts a column, and the mean below."""
    rows = source.main_sweep()
    c = source.comparison(rows)
    categories = c.readings[0][0].of(source.base)
    if not categories:
        raise NothingToDraw(f"no category has a final {source.heading} in all of these rows")
    final = np.array(
        [
            np.mean([reading.matrix(source.base)[0][-1] for reading in readings], axis=0)
            for readings in c.readings
        ]
    )
    heat = Heat(
        np.vstack([final.T, final.mean(axis=1)]),
        [*categories, "mean"],
        [int(row.first.params[SWEPT]) for row in rows],
        scale=source.heading,
        across="experts",
        total=True,
    )
    caption = (
        f"{source.heading} of each category after the last experience, by the number of experts of "
        f"{rows[0].first.method}; mean over runs. {setting_of(c)}"
    )
    return Drawn(draw_heat(heat, width), caption)
