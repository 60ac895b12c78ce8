"""Names at the right ends of lines, instead of a legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .labels import wrapped
from .style import LINE, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDEST = 0.36
"""Largest share of the width for the names."""
_LEADER = 0.13
"""Inches from the axes to the names, for the lines that lead to them."""


def label_ends(figure: Figure, axes: Axes, lines: Sequence[Any], names: Sequence[str]) -> None:
    """Write each name to the right of the axes, at the height of its line's last point.

    Names that would touch are moved apart, and thin lines lead to them. The figure grows if they
    need more height than the axes have.

    Args:
        figure: the figure; its limits must be final.
        axes: the axes of the lines.
        lines: the lines, with at least one point each.
        names: the name of each line.
    """
    from matplotlib.patches import ConnectionPatch

    width, height = figure.get_size_inches()
    shown = [wrapped(name, _WIDEST * width) for name in names]
    sizes = np.array([LINE * (text.count("\n") + 1) + 0.02 for text in shown])
    axes.autoscale(enable=False)
    place: dict[str, Any] = {"transform": axes.transAxes, "va": "center", "fontsize": SMALL}
    texts = [axes.text(1 + _LEADER / width, 0.5, text, **place) for text in shown]
    figure.draw_without_rendering()
    body = axes.get_window_extent().height / figure.dpi
    if sizes.sum() > body:
        figure.set_size_inches(width, height + sizes.sum() - body + 0.02)
        figure.draw_without_rendering()
    box = axes.get_window_extent()
    body, x = box.height / figure.dpi, 1 + _LEADER * figure.dpi / box.width
    ends = [line.get_xydata()[-1] for line in lines]
    wanted = (axes.transData.transform(ends)[:, 1] - box.y0) / figure.dpi
    heights = spread_apart(wanted, sizes, body) / body
    for text, line, end, y in zip(texts, lines, ends, heights.tolist(), strict=True):
        text.set_position((x, y))
        style: dict[str, Any] = {"color": line.get_color(), "linewidth": 0.5, "shrinkB": 2}
        leader = ConnectionPatch(end, (x, y), "data", "axes fraction", axesA=axes, **style)
        leader.set_in_layout(False)
        axes.add_artist(leader)


def spread_apart(
    wanted: NDArray[np.float64], sizes: NDArray[np.float64], room: float
) -> NDArray[np.float64]:
    """Move intervals apart in their order, and into 0 to `room` if it is enough for all.

    Args:
        wanted: (N,) center of each interval.
        sizes: (N,) length of each interval.
        room: where the intervals may be.

    Returns:
        (N,) centers of intervals that do not overlap.
    """
    order = np.argsort(wanted, kind="stable")
    below = np.cumsum(sizes[order]) - sizes[order]
    # Without its predecessors every interval starts here; each is at least where the one before is.
    starts = wanted[order] - sizes[order] / 2 - below
    up = np.maximum.accumulate(starts)
    down = np.minimum.accumulate(starts[::-1])[::-1]
    found = np.empty(len(wanted))
    free = room - sizes.sum()
    found[order] = np.clip((up + down) / 2, 0, max(free, 0)) + below + sizes[order] / 2
    return found
