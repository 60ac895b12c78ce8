"""How much of its buffer each expert uses at the end."""

from __future__ import annotations

import numpy as np

from ....counts import format_count
from ....records.schema import UTILIZATION
from ...drawing.figure import FinishedFigure
from ...drawing.style import LINE, SMALL, canvas, color
from ...selection import NothingToDraw, Selection, describe


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One bar per expert, labeled with its number of categories and stored vectors."""
    record = selection.record(assigning=True)
    memory = record.memory
    final = memory[(memory["experience"] == memory["experience"].max()) & (memory["expert"] >= 0)]
    final = final.sort_values("expert")
    used = final[UTILIZATION].to_numpy(dtype=float) * 100
    if not len(used) or np.isnan(used).all():
        raise NothingToDraw(f"{describe(record)} has no memory budget an expert")
    figure = canvas(width, 0.55 + len(used) * (LINE + 0.09))
    axes = figure.add_subplot()
    experts = final["expert"].astype(int).tolist()
    places = np.arange(len(used))
    axes.barh(places, np.nan_to_num(used), height=0.7, color=color(0))
    axes.set_yticks(places, [f"expert {expert}" for expert in experts])
    axes.set_ylim(len(used) - 0.4, -0.6)
    axes.set_xlim(0, max(100.0, float(np.nanmax(used))))
    axes.set_xlabel("utilization of the buffer, %")
    axes.grid(axis="x")
    for place, (names, vectors) in enumerate(
        zip(final["categories"], final["stored_vectors"], strict=True)
    ):
        count = len([name for name in str(names).split(",") if name])
        axes.annotate(
            f"{format_count(count, 'category')}, {format_count(int(vectors), 'vector')}",
            (1.0, place),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
        )
    caption = (
        "Buffered vectors of each expert over its budget after the last experience; at the right "
        "its categories and stored vectors (scoring ones and buffer, shared once). "
        f"{selection.about(record)}"
    )
    return FinishedFigure(figure, caption)
