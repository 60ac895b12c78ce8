"""Similarity of each category to each expert when it was assigned, and the chosen expert."""

from __future__ import annotations

import numpy as np

from ...drawing.figure import FinishedFigure
from ...drawing.heat import Heat, draw_heat
from ...selection import NothingToDraw, Selection


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One row per category in stream order, one column per expert; the chosen expert is framed."""
    record = selection.record(assigning=True)
    events = record.events[record.events["kind"] == "assignment"]
    experts = sorted({int(expert) for expert in events["expert"]})
    categories = record.categories
    values = np.full((len(categories), len(experts)), np.nan)
    marked = []
    for category, expert, similarity, chosen in zip(
        events["category"],
        events["expert"],
        events["similarity"].astype(float),
        events["chosen"],
        strict=True,
    ):
        cell = categories.index(category), experts.index(int(expert))
        values[cell] = similarity
        if chosen:
            marked.append(cell)
    if np.isnan(values).all():
        raise NothingToDraw("one category only: there was no expert yet to be similar to")
    heat = Heat(
        values,
        categories,
        experts,
        scale="cosine to the expert's memory",
        across="expert",
        marked=marked,
    )
    thresholds = sorted({f"{value:.3f}" for value in events["threshold"].dropna()})
    caption = (
        "Cosine similarity of each category to the memory of every expert in use when the category "
        f"came (top to bottom: order of the stream); framed: the expert that took it, a new one "
        f"where the cell is gray. Threshold {', '.join(thresholds) or 'none'}. "
        f"{selection.about(record)}"
    )
    return FinishedFigure(draw_heat(heat, width), caption)
