"""What the paper draws first: the mean metric and forgetting against the number of experts."""

from __future__ import annotations

import numpy as np

from ...analysis.quantities import quantity
from ...rendering.table import Spread
from ...statistics.intervals import Cells
from ..drawing.figure import Drawn
from ..drawing.labels import legend_below
from ..drawing.style import canvas, look
from ..selection import SWEPT, Source, few, setting_of

_SIDE_BY_SIDE = 5.0
"""Inches from which the two panels stand beside each other."""


def draw(source: Source, width: float) -> Drawn:
    """Two panels, a line a sweep, bars for the intervals."""
    sweeps = few(source.sweeps(), "sweeps over experts")
    rows = [row for sweep in sweeps for row in sweep]
    c = source.comparison(rows)
    names = [source.quantity(name) for name in ("acc", "fm")]
    cells = Cells(source.bootstrap)
    found = {
        id(row): cells.of(names, [quantity(name).read for name in names], readings)
        for row, readings in zip(rows, c.readings, strict=True)
    }
    # Nothing can be forgotten in one experience.
    forgetting = not all(np.isnan(spreads[1].mean) for spreads in found.values())
    labels = [source.heading, "forgetting (fm)"][: 1 + forgetting]
    beside = width >= _SIDE_BY_SIDE or not forgetting
    figure = canvas(width, 1.9 if beside else 2.9)
    shape = (1, len(labels)) if beside else (len(labels), 1)
    panels = figure.subplots(*shape, sharex=True, squeeze=False).ravel()
    for panel, (axes, label) in enumerate(zip(panels, labels, strict=True)):
        axes.set_ylabel(label)
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        for number, sweep in enumerate(sweeps):
            x = [int(row.first.params[SWEPT]) for row in sweep]
            spreads: list[Spread] = [found[id(row)][panel] for row in sweep]
            mean = np.array([spread.mean for spread in spreads])
            error = [
                [mean[i] - spread.low for i, spread in enumerate(spreads)],
                [spread.high - mean[i] for i, spread in enumerate(spreads)],
            ]
            # An extreme of resampled numbers may lie wholly beside the number itself.
            bars = np.maximum(np.nan_to_num(np.array(error)), 0.0)
            axes.errorbar(x, mean, bars, elinewidth=0.6, capsize=1.5, **look(number))
    swept = sorted({int(row.first.params[SWEPT]) for row in rows})
    step = max(1, -(-len(swept) // (12 if len(labels) > 1 and beside else 20)))
    panels[-1].set_xticks(swept[::step])
    for axes in panels if beside else panels[1:]:
        axes.set_xlabel("experts")
    if len(sweeps) > 1:
        legend_below(figure, panels[0].containers, source.series_titles(sweeps))
    draws = source.intervals(rows)
    methods = ", ".join(dict.fromkeys(row.first.method for row in rows))
    caption = (
        f"Mean {source.heading} after the last experience"
        f"{' and fm (positive = forgetting)' * forgetting} by the number of experts of {methods}; "
        f"bars: {draws}. {setting_of(c)}"
    )
    return Drawn(figure, caption)
