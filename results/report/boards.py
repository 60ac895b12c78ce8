"""A leaderboard as data for the report: every quantity of every row, and chart points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..analysis.comparison import final_row
from ..analysis.joint import is_reference
from ..analysis.quantities import QUANTITIES, Reading
from ..analysis.repetitions import spread_over_runs
from ..analysis.rows import SWEPT, Row, experts_of, number_ranges, parameter_labels
from ..leaderboard.boards import Board
from ..published.groups import FORGETTING, PublishedGroup, routing_label
from ..published.tiers import REPRODUCED, forgetting_caveat, tier_of
from ..rendering.method_marks import mark_of
from ..rendering.table import Spread
from ..statistics.leader import find_leader


def board_values(board: Board) -> dict[str, Any]:
    """Title, notes, categories and rows of a board; measured rows first, then published ones."""
    c = board.comparison
    others = parameter_labels(c.rows, hidden=(SWEPT,))
    if len({backbone for *_, backbone in board.labels}) > 1:
        backbones = [backbone for *_, backbone in board.labels]
        others = [", ".join(filter(None, pair)) for pair in zip(others, backbones, strict=True)]
    ours = [
        _row(row, label, readings, other)
        for row, label, readings, other in zip(
            c.rows, board.labels, c.readings, others, strict=True
        )
    ]
    _rank(c.rows, ours)
    return {
        "title": board.title,
        "notes": c.notes(["aupro.acc"]),
        "categories": sorted({name for row in c.rows for name in row.first.categories}),
        "rows": [*ours, *map(_quoted, board.quoted)],
    }


def _row(
    row: Row, label: tuple[str, str, str], readings: Sequence[Reading], others: str
) -> dict[str, Any]:
    """One configuration: mean, deviation and n of its quantities, and the means for the charts.

    Returns:
        A dictionary. `incremental` (T,) is the mean over runs of the mean AUROC of the seen
        categories; `final` holds R[T, c].
    """
    method, parameters, backbone = label
    values = {}
    for name, quantity in QUANTITIES.items():
        spread = spread_over_runs(row.records, map(quantity.read, readings))
        if spread.n:
            values[name] = [spread.mean, spread.deviation, spread.n]
    finals = [final_row(record) for record in row.records]
    return {
        "tier": REPRODUCED,
        "method": method,
        "mark": mark_of(row.first.method),
        "parameters": parameters,
        "backbone": backbone,
        "seeds": number_ranges(row.seeds),
        "orders": ", ".join(row.orders),
        "runs": [record.key for record in row.records],
        "values": values,
        "incremental": _means([_incremental(reading) for reading in readings]),
        "final": {
            name: Spread.of(final.get(name, math.nan) for final in finals).mean
            for name in row.first.categories
        },
        "experts": experts_of(row.first),
        "series": ", ".join(part for part in (method, others) if part),
    }


def _rank(rows: Sequence[Row], values: Sequence[dict[str, Any]]) -> None:
    """Give each row its rank by AUROC; rows that print the same share one, references have none.

    Rows that a test does not separate from the best one are marked, and say how it tested.
    """
    digits = QUANTITIES["acc"].column.digits
    rated = {
        place: round(each["values"]["acc"][0], digits)
        for place, (row, each) in enumerate(zip(rows, values, strict=True))
        if "acc" in each["values"] and not is_reference(row)
    }
    leader = find_leader(rows)
    # Rows with other runs than most were not tested; if one of them is the best, nothing is said.
    best = max(rated.values(), default=math.nan)
    close = leader.close if leader and rated.get(leader.best) == best else ()
    for place, each in enumerate(values):
        better = sum(other > rated[place] for other in rated.values()) if place in rated else None
        each["rank"] = None if better is None else better + 1
        each["close"] = leader.note if leader and place in close else None


def _quoted(each: PublishedGroup) -> dict[str, Any]:
    """A published row: only numbers with the same definition as ours, and forgetting as printed."""
    numbers = list(each.by_quantity.values())
    forgetting = each.forgetting
    tier = tier_of(numbers or each.rows)
    notes = [*each.first.source_notes, *(row.note for row in numbers if row.note)]
    if forgetting is not None:
        notes.append(f"{FORGETTING}: {forgetting.forgetting_definition}")
        notes += [note for note in (forgetting.note, forgetting_caveat(each, tier)) if note]
    return {
        "tier": tier,
        "method": each.first.method,
        "source": each.first.source,
        "routing": routing_label(each.first),
        "notes": list(dict.fromkeys(notes)),
        "values": {name: [row.value, None, 1] for name, row in each.by_quantity.items()},
        "forgetting": forgetting.value if forgetting is not None else None,
        "experts": each.first.experts,
    }


def _incremental(reading: Reading) -> list[float]:
    """(T,) mean AUROC of the seen categories after each experience."""
    R, s = reading.matrix()
    means = []
    for t, row in enumerate(R, 1):
        seen = row[(s <= t) & ~np.isnan(row)]
        means.append(float(seen.mean()) if seen.size else math.nan)
    return means


def _means(curves: Sequence[Sequence[float]]) -> list[float]:
    """The pointwise mean of curves."""
    return [Spread.of(values).mean for values in zip(*curves, strict=True)]
