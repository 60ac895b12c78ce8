"""The final metric of every single run: how much it depends on the order and the seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...analysis.quantities import quantity
from ..drawing.figure import FinishedFigure
from ..drawing.labels import legend_below, wrapped_names
from ..drawing.style import LINE, MARKERS, canvas, looks
from ..selection import NothingToDraw, Selection

_LABELS = 0.36
"""Largest share of the width for names."""
_LANES = 0.6
"""Height of the lanes of a row; rows are 1 apart."""


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One row per configuration, one lane per order, one marker per run, a line at the mean."""
    from matplotlib.lines import Line2D

    rows = selection.compared()
    if all(len(row.records) == 1 for row in rows):
        raise NothingToDraw("these rows have one run each: run several with --seeds or --order")
    c = selection.comparison(rows)
    orders = sorted({record.order for row in rows for record in row.records})
    names, lines = wrapped_names(selection.titles(rows), _LABELS * width)
    pitch = max(lines * LINE + 0.03, 0.06 * len(orders) + 0.09)
    figure = canvas(width, 0.5 + pitch * len(rows))
    axes = figure.add_subplot()
    read = quantity(selection.quantity("acc")).read
    colors = [look["color"] for look in looks([row.first.method for row in rows])]
    for y, (row, readings) in enumerate(zip(rows, c.readings, strict=True)):
        values = np.array([float(read(reading)) for reading in readings])
        lane = np.array([orders.index(record.order) for record in row.records])
        heights = y + _LANES * ((lane + 0.5) / len(orders) - 0.5)
        for value, height, order in zip(values, heights, lane, strict=True):
            marker = MARKERS[order % len(MARKERS)]
            axes.plot(value, height, marker, color=colors[y], markerfacecolor="none")
        axes.vlines(np.nanmean(values), y - 0.4, y + 0.4, color=colors[y], linewidth=1.2)
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(selection.heading)
    axes.grid(axis="x")
    gray: dict[str, Any] = {"color": "0.3", "linestyle": "none", "markerfacecolor": "none"}
    legend_below(
        figure,
        [Line2D([], [], marker=MARKERS[k % len(MARKERS)], **gray) for k in range(len(orders))],
        [f"order {order}" for order in orders],
    )
    caption = (
        f"Mean {selection.heading} after the last experience of every run: one marker per seed, "
        f"by order; line: the mean of all. {c.title}"
    )
    return FinishedFigure(figure, caption)
