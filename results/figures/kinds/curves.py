"""Mean metric over the categories seen so far, after each experience, of all methods."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...analysis.quantities import Reading
from ...metrics import continual
from ...metrics.metric import FloatOrArray
from ...statistics.intervals import Estimates
from ..drawing.end_labels import label_ends
from ..drawing.figure import FinishedFigure
from ..drawing.style import canvas, looks, number_experiences
from ..selection import Selection

_FEW = 4
"""With more rows than this, only the last point has its interval, as a bar."""
_APART = 0.08
"""Experiences between the bars of two rows."""


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One line per row, with a band for its interval if the rows are few."""
    rows = selection.compared()
    c = selection.comparison(rows)
    experiences = len(rows[0].first.experiences)
    t = range(1, experiences + 1)
    estimates = Estimates(selection.bootstrap)
    figure = canvas(width, 2.2)
    axes = figure.add_subplot()
    lines = []
    few = len(rows) <= _FEW
    for number, (readings, look) in enumerate(
        zip(c.readings, looks([row.first.method for row in rows]), strict=True)
    ):
        reads = [_mean_of_seen(selection.base, when) for when in t]
        spreads = estimates.of([str(when) for when in t], reads, readings)
        lines += axes.plot(t, [spread.mean for spread in spreads], **look)
        low, high = (np.array([getattr(s, end) for s in spreads]) for end in ("low", "high"))
        if np.isnan(low).all():
            continue
        if few:
            axes.fill_between(t, low, high, color=look["color"], alpha=0.12, linewidth=0)
        else:
            x = experiences + _APART * (number + 1)
            axes.vlines(x, low[-1], high[-1], color=look["color"], linewidth=0.8)
    number_experiences(axes, experiences)
    axes.set_ylabel(f"{selection.heading}, mean of seen")
    axes.grid(axis="y")
    label_ends(figure, axes, lines, selection.titles(rows))
    draws = selection.intervals(rows)
    caption = (
        f"Mean {selection.heading} over the categories seen so far, after each experience; "
        f"{'bands' if few else 'bars at the right, of the last experience'}: {draws}. {c.title}"
    )
    return FinishedFigure(figure, caption)


def _mean_of_seen(base: str, t: int) -> Callable[[Reading], FloatOrArray]:
    def read(reading: Reading) -> FloatOrArray:
        R, s = reading.matrix(base)
        return continual.acc(R[..., :t, :][..., s <= t], s[s <= t]).value

    return read
