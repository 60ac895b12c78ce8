"""False alarms and recall at the thresholds of the categories seen, after each experience."""

from __future__ import annotations

import numpy as np

from ...analysis.quantities import Reading
from ...metrics import continual
from ...metrics.operating_points import METRICS
from ...records.schema import THRESHOLD_QUANTILE
from ..drawing.figure import FinishedFigure
from ..drawing.labels import legend_below
from ..drawing.style import canvas, looks, number_experiences
from ..selection import NothingToDraw, Selection


def draw(selection: Selection, width: float) -> FinishedFigure:
    """Two panels with one line per row, the mean over its runs."""
    rows = selection.compared()
    if any(row.first.held_out is None for row in rows):
        raise NothingToDraw("these records have no thresholds: run the methods with --holdout 0.1")
    c = selection.comparison(rows)
    experiences = len(rows[0].first.experiences)
    t = range(1, experiences + 1)
    cell = rows[0].first.cell
    quantile = cell.get("threshold_quantile", THRESHOLD_QUANTILE)
    figure = canvas(width, 2.0)
    lines = []
    for panel, base in enumerate(METRICS):
        axes = figure.add_subplot(1, len(METRICS), panel + 1)
        for readings, look in zip(c.readings, looks([r.first.method for r in rows]), strict=True):
            means = [
                [_mean_of_seen(reading, base.name, when) for when in t] for reading in readings
            ]
            lines += axes.plot(t, np.mean(means, axis=0), **look)
        if base is METRICS[0]:
            axes.axhline(1 - quantile, color="0.5", linestyle=":", linewidth=0.8)
        number_experiences(axes, experiences)
        axes.set_ylim(-0.03, 1.03)
        axes.set_ylabel(f"{base.heading}, mean of seen")
        axes.grid(axis="y")
    legend_below(figure, lines[: len(rows)], selection.titles(rows))
    caption = (
        "Mean false-alarm rate and recall over the categories seen so far, after each experience, "
        f"at thresholds set when each category was learned: quantile {quantile:g} of held-out "
        f"scores ({100 * cell['holdout']:g} % of the training images); dotted: 1 - quantile; means "
        f"over runs. {c.title}"
    )
    return FinishedFigure(figure, caption)


def _mean_of_seen(reading: Reading, base: str, t: int) -> float:
    R, s = reading.matrix(base)
    return float(continual.acc(R[:t, s <= t], s[s <= t]).value)
