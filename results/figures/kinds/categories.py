"""The final metric of each category of one run, grouped by the owning expert."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..drawing.figure import FinishedFigure
from ..drawing.labels import legend_below, wrapped_names
from ..drawing.style import LINE, SMALL, canvas, color
from ..selection import Selection, owner_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LABELS = 0.36
"""Largest share of the width for names."""


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One row per category: filled marker after the last experience, hollow marker when learned."""
    from matplotlib.lines import Line2D

    record = selection.record()
    R, s = selection.matrix(record)
    final, learned = R[-1], R[s - 1, np.arange(len(s))]
    owner = owner_of(record)
    rows = _in_groups(record.categories, owner)
    names, lines = wrapped_names((record.categories[c] for c, _ in rows), _LABELS * width)
    height = 0.45 + (rows[-1][1] + 1) * (lines * LINE + 0.03)
    figure = canvas(width, height)
    axes = figure.add_subplot()
    for c, y in rows:
        look: dict[str, Any] = {"color": color(0 if owner is None else owner[record.categories[c]])}
        axes.plot([learned[c], final[c]], [y, y], linewidth=0.8, zorder=2, **look)
        axes.plot(learned[c], y, "o", markerfacecolor="white", zorder=3, **look)
        axes.plot(final[c], y, "o", zorder=4, **look)
    axes.set_yticks([y for _, y in rows], names)
    axes.set_ylim(rows[-1][1] + 0.6, -0.6)
    axes.set_xlabel(selection.heading)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="x")
    if owner is not None:
        _name_experts(axes, rows, record.categories, owner, final)
    gray: dict[str, Any] = {"color": "0.3", "linestyle": "none", "marker": "o"}
    handles = [Line2D([], [], **gray), Line2D([], [], **gray, markerfacecolor="white")]
    labels = ["after the last experience", "when learned"]
    if owner is not None:
        handles.append(Line2D([], [], color="0.3", linestyle=":", linewidth=1.6))
        labels.append("mean of the expert")
    legend_below(figure, handles, labels)
    grouped = "" if owner is None else ", grouped by the expert that owns it; dotted: its mean"
    caption = (
        f"{selection.heading} of each category after the last experience and when it was learned"
        f"{grouped}. {selection.about(record)}"
    )
    return FinishedFigure(figure, caption)


def _in_groups(
    categories: Sequence[str], owner: Mapping[str, int] | None
) -> list[tuple[int, float]]:
    """(category, y) from top to bottom, with a gap of half a line between experts."""
    if owner is None:
        return [(c, float(c)) for c in range(len(categories))]
    by_expert = sorted(range(len(categories)), key=lambda c: owner[categories[c]])
    rows, y = [], 0.0
    for place, c in enumerate(by_expert):
        if place:
            y += 1.0 if owner[categories[by_expert[place - 1]]] == owner[categories[c]] else 1.6
        rows.append((c, y))
    return rows


def _name_experts(
    axes: Axes,
    rows: Sequence[tuple[int, float]],
    categories: Sequence[str],
    owner: Mapping[str, int],
    final: NDArray[np.float64],
) -> None:
    """Draw the mean of each group as a line, and name its expert at the right edge."""
    for expert, group in itertools.groupby(rows, key=lambda row: owner[categories[row[0]]]):
        members = list(group)
        top, bottom = members[0][1] - 0.45, members[-1][1] + 0.45
        defined = [final[c] for c, _ in members if not np.isnan(final[c])]
        if defined:
            x = float(np.mean(defined))
            axes.plot([x, x], [top, bottom], ":", color=color(expert), linewidth=1.6, zorder=1)
        axes.annotate(
            f"expert {expert}" if expert >= 0 else "no expert",
            (1.0, (members[0][1] + members[-1][1]) / 2),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
        )
