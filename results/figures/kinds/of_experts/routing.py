"""The experts that the test images of each category were sent to."""

from __future__ import annotations

import numpy as np

from ....records.record import Record
from ...drawing.figure import FinishedFigure
from ...drawing.heat import Heat, draw_heat
from ...selection import Selection, owner_of


def draw(selection: Selection, width: float) -> FinishedFigure:
    """One row per category, one column per expert; the owner of the category is framed."""
    record = selection.record_with(_routes, "routed no images: run with --routing inferred")
    scores = record.scores
    final = scores[scores["experience"] == len(record.experiences)]
    owner = owner_of(record) or {}
    experts = sorted(
        {*(e for e in final["route"] if e >= 0), *(e for e in owner.values() if e >= 0)}
    )
    shares = np.full((len(record.categories), len(experts)), np.nan)
    for c, category in enumerate(record.categories):
        routes = final.loc[final["category"] == category, "route"].to_numpy()
        if len(routes):
            shares[c] = [(routes == expert).mean() for expert in experts]
    heat = Heat(
        shares,
        record.categories,
        [int(expert) for expert in experts],
        scale="share of the test images of a category",
        across="expert",
        marked=[
            (c, experts.index(owner[category]))
            for c, category in enumerate(record.categories)
            if owner.get(category, -1) >= 0
        ],
    )
    caption = (
        "Share of the test images of each category (top to bottom: order of the stream) that were "
        f"sent to each expert after the last experience; framed: the expert that owns the "
        f"category. {selection.about(record)}"
    )
    return FinishedFigure(draw_heat(heat, width), caption)


def _routes(record: Record) -> bool:
    return record.routing == "inferred" and bool((record.scores["route"] >= 0).any())
