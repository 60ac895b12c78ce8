"""Mean metric against stored memory or another cost, with the rows that no other row dominates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...analysis.quantities import quantity
from ...analysis.rows import Row, experts_of
from ..drawing.figure import FinishedFigure
from ..drawing.labels import legend_below
from ..drawing.style import SMALL, canvas, looks
from ..selection import NothingToDraw, Selection, few, series_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FILLINGS = ("none", "left", "right", "bottom", "top", "full")
_FRONT: dict[str, Any] = {"color": "0.6", "linewidth": 0.8, "zorder": 1}


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One point per row; rows that differ only in the number of experts have one marker."""
    cost = quantity(selection.cost)
    measured = selection.with_equal_runs(selection.chosen or selection.rows)
    c = selection.comparison(measured)
    means = {
        id(row): tuple(
            float(np.mean([quantity(name).read(reading) for reading in readings]))
            for name in (selection.cost, selection.quantity("acc"))
        )
        for row, readings in zip(c.rows, c.readings, strict=True)
    }
    rows = [row for row in measured if not np.isnan(means[id(row)]).any()]
    lacking = selection.titles([row for row in measured if np.isnan(means[id(row)]).any()])
    what = f"{cost.column.name} ({cost.note.partition(': ')[2]})"
    timed = any("timing" in record.run for row in measured for record in row.records)
    if not rows and "`--time`" in cost.note and not timed:
        raise NothingToDraw(
            f"{cost.column.name}: no row was run with --time; run the same command again with it"
        )
    if not rows:
        raise NothingToDraw(f"none of these rows has {what} and {selection.heading}")
    if lacking:
        selection.notes.append(f"left out, not measured: {', '.join(lacking)}")
    series = few(series_of(rows), "kinds of rows")
    rows = [row for each in series for row in each]
    points = np.array([means[id(row)] for row in rows])
    figure = canvas(width, 2.3)
    axes = figure.add_subplot()
    front = pareto_front(points * [1, 1 if selection.metric.higher_is_better else -1])
    if points[:, 0].min() > 0:
        _logarithmic(axes, points[:, 0])
    axes.set_xlabel(f"{cost.column.name} (less is better)")
    axes.set_ylabel(selection.heading)
    axes.grid()
    axes.margins(0.08)
    handles = []
    methods = [each[0].first.method for each in series]
    for number, (each, look) in enumerate(zip(series, looks(methods), strict=True)):
        xy = np.array([means[id(row)] for row in each])
        # Hollow, so that markers on each other are all seen; more rows of a method are half full.
        filling = _FILLINGS[methods[:number].count(methods[number]) % len(_FILLINGS)]
        style = {**look, "linestyle": ":" if len(each) > 1 else "none", "fillstyle": filling}
        style |= {"markersize": 4.2, "markeredgewidth": 1.0}
        handles += axes.plot(*xy.T, linewidth=0.6, zorder=3, **style)
    (line,) = axes.plot(*points[front].T, drawstyle="steps-post", **_FRONT)
    axes.set_xlim(axes.get_xlim())
    edge = axes.get_xlim()[1]
    last = points[front][-1]
    axes.plot([last[0], edge], [last[1], last[1]], **_FRONT)
    labels = [*selection.series_titles(series), "Pareto front"]
    legend_below(figure, [*handles, line], labels)
    _number_experts(figure, axes, series, means, points)
    caption = (
        f"Mean {selection.heading} after the last experience against {what}; numbers: experts; "
        "line: the Pareto front, rows that no other beats in both; means over runs. "
        f"{c.title}"
    )
    return FinishedFigure(figure, caption)


def pareto_front(points: NDArray[np.float64]) -> list[int]:
    """Indices of points (N, 2) that no other point beats in both coordinates.

    Args:
        points: (cost, metric); less of the first and more of the second is better.

    Returns:
        Indices sorted by the first coordinate; of equal points, the first.
    """
    best, front = -np.inf, []
    for index in np.lexsort((-points[:, 1], points[:, 0])).tolist():
        if points[index, 1] > best:
            best = points[index, 1]
            front.append(index)
    return front


def _logarithmic(axes: Axes, values: NDArray[np.float64]) -> None:
    """A logarithmic axis over a decade or more, so that 1, 2 and 5 label it."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_xscale("log")
    center, half = np.sqrt(values.min() * values.max()), 10**0.5
    axes.set_xlim(min(values.min() / 1.3, center / half), max(values.max() * 1.3, center * half))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _number_experts(
    figure: Figure,
    axes: Axes,
    series: Sequence[tuple[Row, ...]],
    means: dict[int, tuple[float, ...]],
    points: NDArray[np.float64],
) -> None:
    """Write the number of experts next to its point if it overlaps nothing."""
    from matplotlib.transforms import Bbox

    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    half = 2.2 * figure.dpi / 72
    taken = [
        Bbox.from_bounds(x - half, y - half, 2 * half, 2 * half)
        for x, y in axes.transData.transform(points)
    ]
    inside = axes.get_window_extent()
    for each in (s for s in series if len(s) > 1):
        for row in each:
            for dx, dy, across, up in _PLACES:
                text = axes.annotate(
                    str(experts_of(row.first)),
                    means[id(row)],  # type: ignore[arg-type]
                    xytext=(dx, dy),
                    textcoords="offset points",
                    ha=across,
                    va=up,
                    fontsize=SMALL,
                )
                text.set_in_layout(False)
                box = text.get_window_extent(renderer)
                free = not any(box.overlaps(other) for other in taken)
                if (
                    free
                    and inside.containsx(box.x0)
                    and inside.containsx(box.x1)
                    and (inside.containsy(box.y0) and inside.containsy(box.y1))
                ):
                    taken.append(box)
                    break
                text.remove()


_PLACES = (
    (3.5, 0, "left", "center_baseline"),
    (-3.5, 0, "right", "center_baseline"),
    (0, 3.5, "center", "bottom"),
    (0, -3.5, "center", "top"),
    (3, 3, "left", "bottom"),
    (3, -3, "left", "top"),
    (-3, 3, "right", "bottom"),
    (-3, -3, "right", "top"),
)
