"""The critical difference diagram of all methods, as a figure."""

from __future__ import annotations

from ...statistics.friedman import ranking
from ...statistics.paired import paired
from ..drawing.figure import FinishedFigure
from ..drawing.rank_diagram import draw_diagram
from ..selection import NothingToDraw, Selection

_ALPHA = 0.05


def draw(selection: Selection, width: float) -> FinishedFigure:
    """Mean ranks over categories; bars join rows that Nemenyi's test does not separate."""
    rows = selection.compared()
    if len(rows) < 3:
        raise NothingToDraw(f"mean ranks need three rows or more, and there are {len(rows)}")
    c = selection.comparison(rows)
    compared = paired(rows, selection.base, "final", "category")
    ranked = ranking(compared.merits, _ALPHA)
    if ranked is None:
        raise NothingToDraw("these rows cannot be ranked: fewer than two categories, or all equal")
    caption = (
        f"Mean ranks (1 is best) by {selection.heading} after the last experience over "
        f"{compared.units.shape[1]} categories; bars join rows that do not differ at {_ALPHA:g} "
        f"(Nemenyi; Friedman p = {ranked.p:.3g}). {c.title}"
    )
    figure = draw_diagram(selection.titles(rows), ranked, _ALPHA, width)
    return FinishedFigure(figure, caption)
