"""Mean metric at the end against the share of defective images among the training ones."""

from __future__ import annotations

import numpy as np

from ...analysis.shares import curve_key, curves_of
from ...statistics.intervals import Estimates
from ...tables.robustness import mean_at_end
from ..drawing.end_labels import label_ends
from ..drawing.figure import FinishedFigure
from ..drawing.style import canvas, looks
from ..selection import NothingToDraw, Selection, few


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One line per configuration, with the interval of each point as a band."""
    rows = selection.with_equal_runs(selection.chosen or selection.rows)
    named = {curve_key(row) for row in selection.chosen or selection.usual_rows()}
    curves = [curve for key, curve in curves_of(rows).items() if len(curve) > 1 and key in named]
    if not curves:
        raise NothingToDraw(
            "no configuration was run with several shares; `cadbench run --contaminate "
            "0,0.02,0.05,0.1` does that"
        )
    few(curves, "rows")
    c = selection.comparison([row for curve in curves for row in curve.values()])
    readings = dict(zip(map(id, c.rows), c.readings, strict=True))
    estimates = Estimates(selection.bootstrap)
    figure = canvas(width, 2.2)
    axes = figure.add_subplot()
    lines = []
    firsts = [next(iter(curve.values())) for curve in curves]
    methods = [row.first.method for row in firsts]
    for curve, look in zip(curves, looks(methods), strict=True):
        spreads = [
            estimates.of(
                [f"{share:g}"],
                [lambda reading: mean_at_end(selection.base, reading)],
                readings[id(row)],
            )[0]
            for share, row in curve.items()
        ]
        shares = list(curve)
        lines += axes.plot(shares, [spread.mean for spread in spreads], **look)
        low, high = (np.array([getattr(s, end) for s in spreads]) for end in ("low", "high"))
        if not np.isnan(low).all():
            axes.fill_between(shares, low, high, color=lines[-1].get_color(), alpha=0.1)
    axes.set_xlabel("share of defective training images")
    axes.set_ylabel(selection.heading)
    axes.grid(axis="y")
    label_ends(figure, axes, lines, selection.series_titles([(row,) for row in firsts]))
    caption = (
        f"Mean {selection.heading} after the last experience against the share of defective images "
        f"among the training ones, on one test set; bands: {selection.intervals(c.rows)}. {c.title}"
    )
    return FinishedFigure(figure, caption)
