"""The values of a table: means over the runs of a row and, on request, their intervals."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

from ..analysis.quantities import QUANTITIES, Reading
from ..analysis.rows import Row
from ..metrics.metric import FloatOrArray
from ..records.schema import canonical_json
from ..rendering.table import Spread
from .bootstrap import LEVEL, Bootstrap

FEW = 5
"""With fewer levels a bootstrap underestimates their variance a lot: it finds (n - 1) / n of it."""

_EXTREMES = {each.column.name for each in QUANTITIES.values() if each.extreme}
"""Headings of quantities with a maximum or minimum inside, which noise moves one way."""


class Cells:
    """Spreads over runs, with intervals where there is a bootstrap, and the notes on those."""

    def __init__(self, bootstrap: Bootstrap | None) -> None:
        self._bootstrap = bootstrap
        self._images: dict[str, bool] = {}

    def of(
        self,
        names: Sequence[str],
        reads: Sequence[Callable[[Reading], FloatOrArray]],
        readings: Sequence[Reading],
    ) -> list[Spread]:
        """One for each of `reads`, whose column is called as `names` says."""
        spreads = [Spread.of(read(reading) for reading in readings) for read in reads]
        if self._bootstrap is None:
            return spreads
        found = []
        intervals = self._bootstrap.intervals(reads, readings)
        for name, spread, interval in zip(names, spreads, intervals, strict=True):
            if not math.isnan(spread.mean):
                self._images[name] = self._images.get(name, False) or interval.images
            found.append(dataclasses.replace(spread, low=interval.low, high=interval.high))
        return found

    def notes(self, rows: Sequence[Row]) -> list[str]:
        """How the intervals were made; nothing where none was asked for."""
        if self._bootstrap is None or not self._images:
            return []
        images = any(self._images.values())
        notes = [describe_draws(rows, self._bootstrap.draws.replicates, images=images)]
        without = [name for name, has in self._images.items() if not has]
        extremes = [name for name in self._images if name in _EXTREMES]
        if images and extremes:
            notes.append(
                f"{', '.join(extremes)}: an extreme value of resampled numbers lies further out, "
                "so these intervals lean towards more forgetting"
            )
        if images and without:
            several = any(len(row.records) > 1 for row in rows)
            how = "over runs only" if several else "no interval"
            notes.append(f"{how}, as no test image enters: {', '.join(without)}")
        return notes


def describe_draws(rows: Sequence[Row], replicates: int, *, images: bool = True) -> str:
    """How the intervals of these rows were made: what was drawn anew and what was not."""
    levels = {
        "seeds": [len(row.seeds) for row in rows],
        "orders": [len({canonical_json(r.cell["order"]) for r in row.records}) for row in rows],
    }
    drawn = ["test images (within category and label)"] * images
    drawn += [name for name, counts in levels.items() if max(counts) > 1]
    fixed = [f"one {name[:-1]}" for name, counts in levels.items() if min(counts) == 1]
    if not drawn:
        return "no interval: there is one seed and one order, and no image scores were kept"
    text = (
        f"[low, high]: the middle {100 * LEVEL:.0f} % of {replicates} bootstrap replicates, each "
        f"of which draws {_listed(drawn)} anew, alike for all rows; categories are not drawn"
    )
    few = [name for name, counts in levels.items() if 1 < max(counts) < FEW]
    if few:
        text += f"; {_listed(few)} are few, which makes it narrower than it should be"
    if fixed:
        text += f"; what another than the {_listed(fixed)} would change is not in it"
    return text


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
