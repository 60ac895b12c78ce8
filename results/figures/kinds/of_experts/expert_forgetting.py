"""How much each expert has forgotten, after each experience."""

from __future__ import annotations

import numpy as np

from ...drawing.figure import FinishedFigure
from ...drawing.labels import legend_below
from ...drawing.style import canvas, look, number_experiences
from ...selection import Selection, few, owner_of


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One line per expert: the mean over its categories so far of R[t, c] - R[s(c), c]."""
    record = selection.record(assigning=True)
    R, s = selection.matrix(record)
    owner = owner_of(record) or {}
    experts = few(sorted({e for e in owner.values() if e >= 0}), "experts")
    change = R - R[s - 1, np.arange(len(s))]
    t = np.arange(1, len(R) + 1)
    figure = canvas(width, 2.0)
    axes = figure.add_subplot()
    axes.axhline(0, color="0.6", linewidth=0.6, zorder=0)
    lines = []
    for number, expert in enumerate(experts):
        own = np.array([owner[category] == expert for category in record.categories])
        seen = own[None, :] & (s[None, :] <= t[:, None]) & ~np.isnan(change)
        counts = seen.sum(axis=1)
        total = np.where(seen, change, 0.0).sum(axis=1)
        mean = np.divide(total, counts, out=np.full(len(t), np.nan), where=counts > 0)
        lines += axes.plot(t, mean, **look(number))
    number_experiences(axes, len(t))
    axes.set_ylabel(f"change of {selection.heading}\nsince learning")
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    legend_below(figure, lines, [f"expert {expert}" for expert in experts])
    caption = (
        f"Mean over an expert's categories so far of their change of {selection.heading} since "
        f"they were learned (negative = forgetting). {selection.about(record)}"
    )
    return FinishedFigure(figure, caption)
