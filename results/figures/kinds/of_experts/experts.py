"""The paper's main figure: mean metric and forgetting against the number of experts."""

from __future__ import annotations

import numpy as np

from ....analysis.quantities import quantity
from ....analysis.rows import experts_of
from ....rendering.table import Spread
from ....statistics.intervals import Estimates
from ...drawing.figure import FinishedFigure
from ...drawing.labels import legend_below
from ...drawing.style import canvas, looks
from ...selection import Selection, few

_SIDE_BY_SIDE = 5.0
"""From this width in inches the two panels are side by side."""


def draw(selection: Selection, width: float) -> FinishedFigure:
    """Two panels, one line per sweep, error bars for the intervals."""
    sweeps = few(selection.sweeps(), "sweeps over experts")
    rows = [row for sweep in sweeps for row in sweep]
    c = selection.comparison(rows)
    names = [selection.quantity(name) for name in ("acc", "fm")]
    estimates = Estimates(selection.bootstrap)
    found = {
        id(row): estimates.of(names, [quantity(name).read for name in names], readings)
        for row, readings in zip(rows, c.readings, strict=True)
    }
    # With one experience nothing can be forgotten.
    forgetting = not all(np.isnan(spreads[1].mean) for spreads in found.values())
    labels = [selection.heading, "forgetting (fm)"][: 1 + forgetting]
    beside = width >= _SIDE_BY_SIDE or not forgetting
    figure = canvas(width, 1.9 if beside else 2.9)
    shape = (1, len(labels)) if beside else (len(labels), 1)
    panels = figure.subplots(*shape, sharex=True, squeeze=False).ravel()
    for panel, (axes, label) in enumerate(zip(panels, labels, strict=True)):
        axes.set_ylabel(label)
        axes.grid(axis="y")
        for sweep, look in zip(
            sweeps, looks([sweep[0].first.method for sweep in sweeps]), strict=True
        ):
            x = [experts_of(row.first) for row in sweep]
            spreads: list[Spread] = [found[id(row)][panel] for row in sweep]
            mean = np.array([spread.mean for spread in spreads])
            error = [
                [mean[i] - spread.low for i, spread in enumerate(spreads)],
                [spread.high - mean[i] for i, spread in enumerate(spreads)],
            ]
            # The interval of an extreme value may not contain the value itself.
            bars = np.maximum(np.nan_to_num(np.array(error)), 0.0)
            axes.errorbar(x, mean, bars, elinewidth=0.6, capsize=1.5, **look)
    swept = sorted({experts_of(row.first) or 0 for row in rows})
    step = max(1, -(-len(swept) // (12 if len(labels) > 1 and beside else 20)))
    panels[-1].set_xticks(swept[::step])
    for axes in panels if beside else panels[1:]:
        axes.set_xlabel("experts")
    if len(sweeps) > 1:
        legend_below(figure, panels[0].containers, selection.series_titles(sweeps))
    draws = selection.intervals(rows)
    methods = ", ".join(dict.fromkeys(row.first.method for row in rows))
    caption = (
        f"Mean {selection.heading} after the last experience"
        f"{' and fm (positive = forgetting)' * forgetting} by the number of experts of {methods}; "
        f"bars: {draws}. {c.title}"
    )
    return FinishedFigure(figure, caption)
