"""Mean metric over the categories seen so far, after each experience, of all methods."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...analysis.quantities import Reading
from ...metrics import continual
from ...metrics.metric import FloatOrArray
from ...statistics.intervals import Estimates
from ..drawing.figure import FinishedFigure
from ..drawing.labels import legend_below
from ..drawing.style import canvas, look, number_experiences
from ..selection import Selection

_FEW = 6
"""With more rows than this, bands are paler so that lines stay visible."""


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One line per row, with a band for its interval."""
    rows = selection.compared()
    c = selection.comparison(rows)
    experiences = len(rows[0].first.experiences)
    t = range(1, experiences + 1)
    estimates = Estimates(selection.bootstrap)
    figure = canvas(width, 2.2)
    axes = figure.add_subplot()
    lines = []
    for number, readings in enumerate(c.readings):
        reads = [_mean_of_seen(selection.base, when) for when in t]
        spreads = estimates.of([str(when) for when in t], reads, readings)
        lines += axes.plot(t, [spread.mean for spread in spreads], **look(number))
        low, high = (np.array([getattr(s, end) for s in spreads]) for end in ("low", "high"))
        if not np.isnan(low).all():
            axes.fill_between(
                t,
                low,
                high,
                color=lines[-1].get_color(),
                alpha=0.12 if len(rows) <= _FEW else 0.06,
                linewidth=0,
            )
    number_experiences(axes, experiences)
    axes.set_ylabel(f"{selection.heading}, mean of seen")
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    legend_below(figure, lines, selection.titles(rows))
    draws = selection.intervals(rows)
    caption = (
        f"Mean {selection.heading} over the categories seen so far, after each experience; "
        f"bands: {draws}. {c.title}"
    )
    return FinishedFigure(figure, caption)


def _mean_of_seen(base: str, t: int) -> Callable[[Reading], FloatOrArray]:
    def read(reading: Reading) -> FloatOrArray:
        R, s = reading.matrix(base)
        return continual.acc(R[..., :t, :][..., s <= t], s[s <= t]).value

    return read
