"""The matrix R of one run: the metric of every category after every experience."""

from __future__ import annotations

from ..drawing.figure import Drawn
from ..drawing.heat import Heat, draw_heat
from ..selection import Source


def draw(source: Source, width: float) -> Drawn:
    """A category a row, an experience a column; frames show where a category is learned."""
    record = source.record()
    R, s = source.matrix(record)
    heat = Heat(
        R.T,
        record.categories,
        range(1, len(R) + 1),
        scale=source.heading,
        across="experience",
        marked=[(c, t - 1) for c, t in enumerate(s.tolist())],
    )
    caption = (
        f"{source.heading} of each category after each experience; framed: the experience that "
        f"introduces it; gray: not scored. {source.about(record)}"
    )
    return Drawn(draw_heat(heat, width), caption)
