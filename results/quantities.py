"""The columns of a comparison: what is read off one run, and how it is headed and explained.

Continual metrics are worked out anew from the stored matrix, over the categories that every row of
the table defines, so that no row is flattered by a category that another lacks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from results.errors import UsageError
from results.evaluate import introduced, owners
from results.metrics import continual
from results.metrics.continual import Index, Matrix
from results.metrics.definitions import DEFINITIONS
from results.record import Record
from results.table import Column

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Reading:
    """One run, restricted to `categories`, and the joint run beside it where there is one."""

    record: Record
    categories: tuple[str, ...]
    joint: Record | None = None

    @cached_property
    def matrix(self) -> tuple[Matrix, Index]:
        return stored_matrix(self.record, self.categories)

    @cached_property
    def joint_matrix(self) -> Matrix | None:
        return None if self.joint is None else stored_matrix(self.joint, self.categories)[0]

    def stored(self, name: str) -> float:
        """A value over categories, stored as `name`, of the last experience."""
        metrics = self.record.metrics
        rows = metrics[(metrics["metric"] == name) & metrics["category"].isna()].sort_values("t")
        return float(rows["value"].iloc[-1]) if len(rows) else math.nan

    @cached_property
    def final_memory(self) -> pd.DataFrame:
        """The rows of memory.parquet after the last experience."""
        memory = self.record.memory
        last: pd.DataFrame = memory[memory["experience"] == memory["experience"].max()]
        return last


@dataclass(frozen=True)
class Quantity:
    """A column and how its number is read off a run; NaN where the run does not define it."""

    column: Column
    read: Callable[[Reading], float]
    note: str


def stored_matrix(
    record: Record, categories: Sequence[str] | None = None, base: str = "auroc"
) -> tuple[Matrix, Index]:
    """(R (T, C), s (C,)) from metrics.parquet; columns are `categories`, or those of the stream."""
    import pyarrow.compute as pc

    names = record.categories if categories is None else categories
    number = {category: c for c, category in enumerate(names)}
    R = np.full((len(record.experiences), len(names)), np.nan)
    table = record.table("metrics")
    cells = table.filter(pc.and_(pc.equal(table["metric"], base), pc.is_valid(table["category"])))
    columns = (cells[name].to_pylist() for name in ("t", "category", "value"))
    for t, category, value in zip(*columns, strict=True):
        if category in number:
            R[t - 1, number[category]] = value
    return R, introduced(record.experiences, names)


def quantity(name: str) -> Quantity:
    """The quantity of that name; `UsageError` listing the names otherwise."""
    if name not in QUANTITIES:
        raise UsageError(f"no column is called {name!r}; there are {', '.join(QUANTITIES)}")
    return QUANTITIES[name]


def _of_matrix(name: str) -> Callable[[Reading], float]:
    metric = continual.fwt if name == "fwt" else continual.OF_MATRIX[name]
    return lambda reading: metric(*reading.matrix).value


def _of_experts(name: str) -> Callable[[Reading], float]:
    def read(reading: Reading) -> float:
        owner = owners(reading.record.events, reading.categories)
        if owner is None:
            return math.nan
        return continual.OF_EXPERTS[name](*reading.matrix, owner).value

    return read


def _gap_to_joint(reading: Reading) -> float:
    if reading.joint_matrix is None:
        return math.nan
    return continual.gap_to_joint(*reading.matrix, reading.joint_matrix).value


def _stored(name: str) -> Callable[[Reading], float]:
    return lambda reading: reading.stored(name)


def _of_memory(column: str, scale: float = 1.0) -> Callable[[Reading], float]:
    """A value of the whole method after the last experience."""

    def read(reading: Reading) -> float:
        memory = reading.final_memory
        whole = memory[memory["expert"] == -1]
        return float(whole[column].iloc[0]) * scale if len(whole) else math.nan

    return read


def _utilisation(reading: Reading) -> float:
    """Percent: the method's own figure, or the mean of its experts' where it gives none."""
    whole = _of_memory("utilisation", 100)(reading)
    if not math.isnan(whole):
        return whole
    memory = reading.final_memory
    experts = memory[memory["expert"] >= 0]["utilisation"].dropna()
    return float(experts.mean()) * 100 if len(experts) else math.nan


def _seconds(reading: Reading) -> float:
    return float(reading.record.run["seconds"]["total"])


def _update_seconds(reading: Reading) -> float:
    timing = reading.record.run.get("timing")
    return float(np.mean(timing["update_seconds"])) if timing else math.nan


def _ms_per_image(reading: Reading) -> float:
    timing = reading.record.run.get("timing")
    return float(timing["ms_per_image"]) if timing else math.nan


def _metric(name: str, read: Callable[[Reading], float]) -> Quantity:
    definition = DEFINITIONS[name]
    heading = "AUROC" if name == "acc" else name
    sign = f" ({definition.sign})" if definition.sign else ""
    return Quantity(
        Column(heading, 3, definition.better), read, f"{heading}: {definition.formula}{sign}"
    )


QUANTITIES: Mapping[str, Quantity] = {
    **{name: _metric(name, _of_matrix(name)) for name in (*continual.OF_MATRIX, "fwt")},
    **{name: _metric(name, _of_experts(name)) for name in continual.OF_EXPERTS},
    **{name: _metric(name, _stored(name)) for name in ("pooled_auroc", "routing_accuracy")},
    "gap_to_joint": _metric("gap_to_joint", _gap_to_joint),
    "scoring_vectors": Quantity(
        Column("scoring vectors", 0, "lower"),
        _of_memory("scoring_vectors"),
        "scoring vectors: those that scores are computed with",
    ),
    "stored_vectors": Quantity(
        Column("stored vectors", 0, "lower"),
        _of_memory("stored_vectors"),
        "stored: what scores are computed with and the buffers, shared vectors once",
    ),
    "stored_mb": Quantity(
        Column("stored MB", 2, "lower"), _of_memory("stored_bytes", 1e-6), "MB: 10^6 bytes"
    ),
    "utilisation": Quantity(
        Column("utilisation %", 1),
        _utilisation,
        "utilisation: buffered vectors over the budget; the mean of the experts in use",
    ),
    "seconds": Quantity(
        Column("seconds", 1, "lower"), _seconds, "seconds: the whole run, with shared caches"
    ),
    "update_seconds": Quantity(
        Column("update s", 2, "lower"),
        _update_seconds,
        "update s: mean time to learn an experience with all caches off (`--time`)",
    ),
    "ms_per_image": Quantity(
        Column("ms/image", 2, "lower"),
        _ms_per_image,
        "ms/image: scoring with all caches off, features given (`--time`)",
    ),
}
