"""The values of a table: means over the runs of a row and, on request, their intervals."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import get_args

from ..analysis.quantities import QUANTITIES, Reading
from ..analysis.repetitions import spread_over_runs
from ..analysis.rows import Row
from ..metrics.metric import FloatOrArray
from ..records.schema import canonical_json
from ..rendering.table import Spread
from .bootstrap import LEVEL, Bootstrap, Resampled

FEW = 5
"""With fewer levels a bootstrap underestimates their variance a lot: it finds (n - 1) / n of it."""

NO_MASKS = "resampling test images needs their masks, which records do not hold"
NO_PIXEL_INTERVAL = f"no interval of pixel metrics: {NO_MASKS}"

_EXTREMES = {each.column.name for each in QUANTITIES.values() if each.extreme}
"""Headings of quantities with a maximum or minimum, which noise biases in one direction."""


class Estimates:
    """Means over the runs of each row, with intervals if there is a bootstrap, and their notes."""

    def __init__(self, bootstrap: Bootstrap | None) -> None:
        self._bootstrap = bootstrap
        self._resampled: dict[str, set[Resampled]] = {}

    def of(
        self,
        headings: Sequence[str],
        reads: Sequence[Callable[[Reading], FloatOrArray]],
        readings: Sequence[Reading],
    ) -> list[Spread]:
        """Estimate each value of a row.

        Args:
            headings: the column of each value; notes name it.
            reads: how each value is read from a run.
            readings: the runs of the row.
        """
        records = [reading.record for reading in readings]
        spreads = [spread_over_runs(records, map(read, readings)) for read in reads]
        if self._bootstrap is None:
            return spreads
        found = []
        intervals = self._bootstrap.intervals(reads, readings)
        for heading, spread, interval in zip(headings, spreads, intervals, strict=True):
            if not math.isnan(spread.mean):
                self._resampled.setdefault(heading, set()).add(interval.resampled)
            found.append(dataclasses.replace(spread, low=interval.low, high=interval.high))
        return found

    def notes(self, rows: Sequence[Row]) -> list[str]:
        """Footnotes that say how the intervals were computed; none without a bootstrap."""
        if self._bootstrap is None:
            return []
        of_images, of_runs, of_nothing = (
            [heading for heading, kinds in self._resampled.items() if kind in kinds]
            for kind in get_args(Resampled)
        )
        notes = []
        if of_images or of_runs:
            images, replicates = bool(of_images), self._bootstrap.draws.replicates
            notes.append(describe_draws(rows, replicates, images=images))
        if extremes := [heading for heading in of_images if heading in _EXTREMES]:
            notes.append(
                f"{', '.join(extremes)}: the extreme of resampled values lies further out, so "
                "these intervals are biased towards more forgetting"
            )
        if of_images and of_runs:
            several = any(len(row.records) > 1 for row in rows)
            how = "interval over runs only" if several else "no interval"
            notes.append(f"{how}, as the value does not depend on images: {', '.join(of_runs)}")
        if of_nothing:
            notes.append(NO_PIXEL_INTERVAL)
        return notes


def describe_draws(rows: Sequence[Row], replicates: int, *, images: bool = True) -> str:
    """Say what the intervals of these rows include and what they do not.

    Args:
        rows: the rows of the table.
        replicates: the number of bootstrap replicates.
        images: whether test images were resampled.
    """
    levels = {
        "seeds": [len(row.seeds) for row in rows],
        "orders": [len({canonical_json(r.cell["order"]) for r in row.records}) for row in rows],
    }
    resampled = ["test images (within category and label)"] * images
    resampled += [name for name, counts in levels.items() if max(counts) > 1]
    fixed = [f"one {name[:-1]}" for name, counts in levels.items() if min(counts) == 1]
    if not resampled:
        return "no interval: there is one seed and one order, and no value depends on images"
    text = (
        f"[low, high] is the middle {100 * LEVEL:.0f} % of {replicates} bootstrap replicates, "
        f"which resample {_join(resampled)}, the same for all rows; categories are not resampled"
    )
    few = [name for name, counts in levels.items() if 1 < max(counts) < FEW]
    if few:
        text += f"; few {_join(few)}, so the interval is narrower than it should be"
    if fixed:
        text += f"; with {_join(fixed)}, variation over others is not included"
    return text


def _join(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
