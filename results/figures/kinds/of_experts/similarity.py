"""Similarity of the categories to each other, and which share an expert."""

from __future__ import annotations

import numpy as np

from ....metrics.compute import owners
from ....records.schema import SIMILARITY
from ...drawing.figure import FinishedFigure
from ...drawing.heat import Heat, draw_heat
from ...selection import NothingToDraw, Selection


def draw(selection: Selection, width: float) -> FinishedFigure:
    """Categories against categories, sorted by expert, then by stream order.

    Pairs that share an expert are framed.
    """
    record = selection.record(assigning=True)
    events = record.events
    pairs = events[events["kind"] == SIMILARITY]
    if len(record.categories) < 2:
        raise NothingToDraw("one category only: there is none to be similar to")
    if pairs.empty:
        raise NothingToDraw("similarities of categories were not recorded; run with --overwrite")
    owner = owners(events, record.categories)
    assert owner is not None
    order = np.argsort(owner, kind="stable")
    names, experts = [record.categories[c] for c in order], owner[order]
    place = {name: number for number, name in enumerate(names)}
    values = np.full((len(names), len(names)), np.nan)
    for one, other, cosine in zip(
        pairs["category"], pairs["other"], pairs["similarity"].astype(float), strict=True
    ):
        values[place[one], place[other]] = values[place[other], place[one]] = cosine
    together = (experts[:, None] == experts[None, :]) & ~np.eye(len(names), dtype=bool)
    heat = Heat(
        values,
        [f"{name} {number}" for number, name in enumerate(names, 1)],
        range(1, len(names) + 1),
        scale="cosine of mean features",
        across="category, numbered as the rows",
        marked=[(int(row), int(column)) for row, column in np.argwhere(together)],
    )
    caption = (
        "Cosine similarity of the categories' mean patch features; rows and columns are grouped by "
        f"expert, pairs that share one are framed. {selection.about(record)}"
    )
    return FinishedFigure(draw_heat(heat, width), caption)
