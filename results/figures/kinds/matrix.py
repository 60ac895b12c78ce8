"""The matrix R of one run: the metric of every category after every experience."""

from __future__ import annotations

from ..drawing.figure import FinishedFigure
from ..drawing.heat import Heat, draw_heat
from ..selection import Selection


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One row per category, one column per experience; frames mark when a category is learned."""
    record = selection.record()
    R, s = selection.matrix(record)
    heat = Heat(
        R.T,
        record.categories,
        range(1, len(R) + 1),
        scale=selection.heading,
        metric=selection.metric,
        across="experience",
        marked=[(c, t - 1) for c, t in enumerate(s.tolist())],
    )
    caption = (
        f"{selection.heading} of each category after each experience; framed: the experience that "
        f"introduces it; gray: not scored. {selection.about(record)}"
    )
    return FinishedFigure(draw_heat(heat, width), caption)
