"""How much each expert has forgotten, after each experience."""

from __future__ import annotations

import numpy as np

from ....counts import format_count
from ...drawing.figure import FinishedFigure
from ...drawing.labels import legend_below
from ...drawing.style import canvas, look, number_experiences
from ...selection import Selection, few, owner_of

_APART = 1.6 / 72
"""Inches between lines with the same values."""
_NAMED = 3
"""Categories that a legend names."""


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One line per expert: the mean over its categories so far of R[t, c] - R[s(c), c]."""
    from matplotlib.transforms import ScaledTranslation

    record = selection.record(assigning=True)
    R, s = selection.matrix(record)
    owner = owner_of(record) or {}
    experts = few(sorted({e for e in owner.values() if e >= 0}), "experts")
    change = R - R[s - 1, np.arange(len(s))]
    t = np.arange(1, len(R) + 1)
    figure = canvas(width, 2.0)
    axes = figure.add_subplot()
    axes.axhline(0, color="0.6", linewidth=0.6, zorder=0)
    lines, names = [], []
    for number, expert in enumerate(experts):
        own = np.array([owner[category] == expert for category in record.categories])
        seen = own[None, :] & (s[None, :] <= t[:, None]) & ~np.isnan(change)
        counts = seen.sum(axis=1)
        total = np.where(seen, change, 0.0).sum(axis=1)
        mean = np.divide(total, counts, out=np.full(len(t), np.nan), where=counts > 0)
        lines += axes.plot(t, mean, **look(number))
        owned = [name for name, is_own in zip(record.categories, own, strict=True) if is_own]
        what = ", ".join(owned) if len(owned) <= _NAMED else format_count(len(owned), "category")
        names.append(f"expert {expert}: {what}")
    for number, line in enumerate(lines):  # those that lie on each other are drawn side by side
        up = (number - (len(lines) - 1) / 2) * _APART
        line.set_transform(axes.transData + ScaledTranslation(0, up, figure.dpi_scale_trans))
    number_experiences(axes, len(t))
    axes.set_ylabel(f"change of {selection.heading}\nsince learning")
    axes.grid(axis="y")
    legend_below(figure, lines, names)
    caption = (
        f"Mean over an expert's categories so far of their change of {selection.heading} since "
        f"they were learned (negative = forgetting); lines are drawn a little apart. "
        f"{selection.about(record)}"
    )
    return FinishedFigure(figure, caption)
