"""Mean and deviation over the runs of a row, where repetitions of one run count once.

A method that ignores the seed gives the same scores for every seed. Such repetitions are not
additional evidence, and counting them would make a deviation too small.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import SupportsFloat

from ..records.record import Record
from ..rendering.table import Spread
from .rows import Row, method_labels, parameter_labels


def spread_over_runs(records: Sequence[Record], values: Iterable[SupportsFloat]) -> Spread:
    """The mean over all runs, with the deviation over the n distinct ones.

    Runs with equal scores and an equal value count once; durations of equal runs differ.

    Args:
        records: the runs.
        values: one value per run, NaN where it is undefined.
    """
    numbers = [float(value) for value in values]
    distinct = {
        (_scores_of(record), value): value
        for record, value in zip(records, numbers, strict=True)
        if not math.isnan(value)
    }
    spread = Spread.of(distinct.values())
    return Spread(Spread.of(numbers).mean, spread.deviation, spread.n)


def is_deterministic(records: Sequence[Record]) -> bool:
    """Whether there are several seeds of some order and no seed changes a score."""
    by_order: dict[tuple[str, ...], list[str]] = {}
    for record in records:
        order = tuple(record.cell["order"]["categories"])
        by_order.setdefault(order, []).append(_scores_of(record))
    return len(by_order) < len(records) and all(len(set(of)) == 1 for of in by_order.values())


def deviation_notes(rows: Sequence[Row]) -> list[str]:
    """Footnotes that say what a deviation is over, and which rows have none over seeds."""
    if all(len(row.records) == 1 for row in rows):
        return []
    notes = ["± is the sample deviation over seeds and orders"]
    fixed = [is_deterministic(row.records) for row in rows]
    if any(fixed):
        labels = zip(method_labels(rows), parameter_labels(rows), fixed, strict=True)
        names = [" ".join(filter(None, words)) for *words, chosen in labels if chosen]
        which = "" if all(fixed) else f" ({', '.join(dict.fromkeys(names))})"
        notes.append(
            f"deterministic{which}: the scores of all seeds are equal, so each order counts once"
        )
    return notes


def _scores_of(record: Record) -> str:
    """A digest of the run's scores."""
    return record.run["checksums"]["scores.parquet"]
