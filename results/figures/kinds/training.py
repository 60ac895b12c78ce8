"""Numbers that a method recorded while it learned, such as the loss of each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...analysis.recorded_events import Curves, curves_of
from ...counts import format_count
from ..drawing.figure import FinishedFigure
from ..drawing.labels import legend_below
from ..drawing.style import HEAT, MOST, canvas, color, number_experiences
from ..selection import NothingToDraw, Selection, describe

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL = 1.5
"""Height of a panel in inches."""

_MAX_PANELS = 6
_WIDE = 100.0
"""Ratio of the largest to the smallest value from which the axis is logarithmic."""


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One panel per recorded column of numbers, one line per experience."""
    record = selection.record_with(
        lambda each: bool(curves_of(each)),
        "recorded no numbers while learning, such as the losses of a network",
    )
    every = curves_of(record)
    drawn = every[:_MAX_PANELS]
    if not any(len(curve.x) for each in drawn for curve in each.curves):
        raise NothingToDraw(f"{describe(record)} recorded no finite numbers")
    figure = canvas(width, 0.3 + _PANEL * len(drawn))
    panels = figure.subplots(len(drawn), 1, squeeze=False)[:, 0]
    names: dict[str, Any] = {}
    for axes, curves in zip(panels, drawn, strict=True):
        for name, line in _draw_panel(axes, curves, len(record.experiences)).items():
            names.setdefault(name, line)
    if 1 < len(names) <= MOST:
        legend_below(figure, list(names.values()), list(names))
    elif len(names) > MOST:
        _add_scale(figure, panels, len(record.experiences))
    more = len(every) - len(drawn)
    caption = (
        f"{'; '.join(each.name for each in drawn)}, one line per experience"
        + (f" (and {format_count(more, 'column')} not drawn)" if more else "")
        + f". {selection.about(record)}"
    )
    return FinishedFigure(figure, caption)


def _draw_panel(axes: Axes, curves: Curves, experiences: int) -> dict[str, Any]:
    """Draw the lines of a column; return them by name."""
    from matplotlib import colormaps

    count = len(curves.curves)
    lines = {}
    for number, curve in enumerate(curves.curves):
        shade: Any = color(number)
        if count > MOST:
            shade = colormaps[HEAT](number / (count - 1))
        marker = "o" if len(curve.x) <= MOST else None
        (line,) = axes.plot(curve.x, curve.y, color=shade, marker=marker)
        if curve.name:
            lines[curve.name] = line
    values = [value for curve in curves.curves for value in curve.y]
    if values and min(values) > 0 and max(values) / min(values) > _WIDE:
        axes.set_yscale("log")
    if curves.x == "experience":
        number_experiences(axes, experiences)
    axes.set_xlabel(curves.x)
    axes.set_ylabel(curves.name)
    axes.grid(axis="y")
    return lines


def _add_scale(figure: Any, panels: Any, experiences: int) -> None:
    """Explain the colors of many lines: the number of the experience."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    scale = ScalarMappable(Normalize(1, experiences), HEAT)
    figure.colorbar(scale, ax=list(panels), label="experience")
