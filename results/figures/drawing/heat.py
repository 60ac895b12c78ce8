"""Heat maps with one row per category, sized so that any number and any names fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...metrics.metric import CategoryMetric
from .labels import text_width, wrapped, wrapped_names
from .style import HEAT, LINE, SMALL, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

_LABELS = 0.4
"""Largest share of the width for row labels."""
_HEAD = 0.75
"""Height in inches for the color scale above the map and the texts below it."""
_BAR, _GAP = 0.1, 0.05
"""Height in inches of the color bar, and its distance from the map."""
_WORSE = 0.2
"""Share of the colors for values worse than chance; also in tables.js of the report."""


@dataclass(frozen=True)
class Heat:
    """The content of a heat map.

    Attributes:
        values: (C, X), NaN where there is none.
        rows: (C,) row labels.
        columns: (X,) column labels: numbers, some of which are left out if they would overlap, or
            words, which are turned.
        scale: the meaning of the colors.
        marked: (row, column) of cells with a frame.
        total: the last row is a summary of the others.
        metric: the values are of this metric, so the colors are those of 0 to 1 in every figure,
            with a mark at chance; None for the range of the values.
    """

    values: NDArray[np.float64]
    rows: Sequence[str]
    columns: Sequence[int] | Sequence[str]
    scale: str
    across: str
    marked: Sequence[tuple[int, int]] = ()
    total: bool = False
    metric: CategoryMetric | None = None


def draw_heat(heat: Heat, width: float) -> Figure:
    """Draw the heat map `width` inches wide, with numbers in the cells if they fit."""
    import matplotlib
    import seaborn

    names, lines = wrapped_names(heat.rows, _LABELS * width)
    pitch = lines * LINE + 0.03
    scale = wrapped(heat.scale, width - 1.2)
    body = pitch * len(names)
    height = _HEAD + (scale.count("\n") + 1) * LINE + body
    height += max((text_width(name) for name in heat.columns if isinstance(name, str)), default=0)
    figure = canvas(width, height)
    axes = figure.add_subplot()
    norm, ticks = _scale_of(heat)
    better_is_low = heat.metric is not None and not heat.metric.higher_is_better
    colors = matplotlib.colormaps[HEAT + "_r" * better_is_low]
    seaborn.heatmap(
        heat.values,
        ax=axes,
        norm=norm,
        cmap=colors,
        annot=_numbers(heat.values),
        fmt="",
        annot_kws={"fontsize": SMALL, "in_layout": False},
        xticklabels=False,
        yticklabels=False,
        linewidths=0.4,
        linecolor="white",
        cbar_kws={
            "location": "top",
            "fraction": min(0.6, _BAR / body),
            "aspect": width / 0.065,
            "pad": _GAP / height,
            "label": scale,
        },
    )
    bar = axes.collections[0].colorbar
    if ticks and bar is not None:
        bar.set_ticks(list(ticks), labels=list(ticks.values()))
        bar.minorticks_off()
    axes.set_facecolor("0.92")
    axes.tick_params(length=0)
    axes.set_yticks(np.arange(len(names)) + 0.5, names, va="center")
    axes.set_xlabel(heat.across)
    if heat.total:
        axes.axhline(len(names) - 1, color="white", linewidth=2.5)
    _frame(axes, heat.marked)
    _color_numbers(axes, colors(norm(heat.values[~np.isnan(heat.values)])))
    _fit(figure, axes, heat)
    return figure


def _scale_of(heat: Heat) -> tuple[Normalize, dict[float, str]]:
    """The colors of the values, and the ticks of a metric's color scale by place."""
    from matplotlib.colors import FuncNorm, Normalize

    if heat.metric is None:
        return Normalize(*_limits(heat.values)), {}
    chance = heat.metric.fixed_chance
    if chance is None:
        return Normalize(0, 1), {tick: _short(tick) for tick in (0, 0.2, 0.4, 0.6, 0.8, 1)}
    share = _WORSE if heat.metric.higher_is_better else 1 - _WORSE
    places, shares = [0, chance, 1], [0, share, 1]
    norm = FuncNorm(
        (lambda x: np.interp(x, places, shares), lambda y: np.interp(y, shares, places)),
        vmin=0,
        vmax=1,
    )
    distant = [
        tick
        for tick in (0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1)
        if abs(np.interp(tick, places, shares) - share) > 0.15
    ]
    return norm, {**{t: _short(t) for t in distant}, chance: f"chance {_short(chance)}"}


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return (low, high) if high > low else (low - 0.1, high)


def _numbers(values: NDArray[np.float64]) -> NDArray[np.object_]:
    """(C, X) texts with two decimals, as short as possible: `.85`, `-.04`, `1`."""
    texts = [["" if np.isnan(v) else _short(v) for v in row] for row in values]
    return np.array(texts, dtype=object).reshape(values.shape)


def _short(value: float) -> str:
    text = f"{value:.2f}"
    return text.removesuffix(".00") if text.endswith(".00") else text.replace("0.", ".", 1)


def _color_numbers(axes: Axes, cells: NDArray[np.float64]) -> None:
    """Make numbers black or white, whichever has more contrast (WCAG 2; equal at 0.179).

    Args:
        axes: the axes.
        cells: (N, 4) color of the cell of each number.
    """
    from seaborn.utils import relative_luminance

    for text, cell in zip(axes.texts, cells, strict=True):
        text.set_color("black" if relative_luminance(cell) > 0.179 else "white")


def _frame(axes: Axes, marked: Sequence[tuple[int, int]]) -> None:
    from matplotlib.patches import Rectangle

    for row, column in marked:
        style: dict[str, Any] = {"fill": False, "edgecolor": "#D55E00", "linewidth": 1.0}
        frame = Rectangle((column, row), 1, 1, clip_on=False, zorder=3, **style)
        frame.set_in_layout(False)
        axes.add_patch(frame)


def _fit(figure: Figure, axes: Axes, heat: Heat) -> None:
    """Remove numbers that are wider than their cells, and column labels that would touch."""
    across = range(len(heat.columns))
    words = any(isinstance(name, str) for name in heat.columns)
    rotation = 90 if words else 0
    axes.set_xticks(np.array(across) + 0.5, [str(name) for name in heat.columns], rotation=rotation)
    figure.draw_without_rendering()
    cell = axes.get_window_extent().width / figure.dpi / len(heat.columns)
    if max((text_width(text.get_text()) for text in axes.texts), default=0) > 0.92 * cell:
        for text in list(axes.texts):
            text.remove()
    if words:
        return
    label = max(text_width(str(name)) for name in heat.columns) + 0.03
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100) if label <= step * cell)
    shown = [c for c in across if step == 1 or not int(heat.columns[c]) % step]
    axes.set_xticks(np.array(shown) + 0.5, [str(heat.columns[c]) for c in shown], rotation=0)
