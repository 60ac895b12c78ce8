"""The columns of a comparison: what is read off one run, and how it is headed and explained.

Continual metrics are worked out anew from the stored matrix, over the categories that every row of
the table defines, so that no row is flattered by a category that another lacks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError
from ..metrics import continual
from ..metrics.compute import BASES, PIXEL_BASES, chance, introduced, owners
from ..metrics.continual import Index, Matrix
from ..metrics.definitions import DEFINITIONS
from ..records.record import Record
from ..records.schema import UTILIZATION
from ..rendering.table import Column

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Reading:
    """One run, restricted to `categories`, and the joint run beside it where there is one.

    masked: the categories that count for pixel metrics (None: all).
    """

    record: Record
    categories: tuple[str, ...]
    joint: Record | None = None
    masked: tuple[str, ...] | None = None
    _matrices: dict[str, tuple[Matrix, Index]] = field(default_factory=dict, repr=False)
    _owners: dict[tuple[str, ...], Index | None] = field(default_factory=dict, repr=False)

    def of(self, base: str) -> tuple[str, ...]:
        """The categories that count for the matrix `base`."""
        return self.categories if base in BASES or self.masked is None else self.masked

    def matrix(self, base: str = "auroc") -> tuple[Matrix, Index]:
        """(R, s) of `base` over the categories that count."""
        if base not in self._matrices:
            self._matrices[base] = stored_matrix(self.record, self.of(base), base)
        return self._matrices[base]

    def owner(self, base: str = "auroc") -> Index | None:
        """The expert that owns each category that counts; None where the run has no experts."""
        names = self.of(base)
        if names not in self._owners:
            self._owners[names] = owners(self.record.events, names)
        return self._owners[names]

    def joint_matrix(self, base: str = "auroc") -> Matrix | None:
        """R of the joint run over the same categories."""
        return None if self.joint is None else stored_matrix(self.joint, self.of(base), base)[0]

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


def full_name(name: str) -> str:
    """A matrix alone, such as `aupro`, stands for its mean of the last row, `aupro.acc`."""
    if name == "auroc":
        return "acc"
    return f"{name}.acc" if name in BASES or name in PIXEL_BASES else name


def quantity(name: str) -> Quantity:
    """The quantity of that name; `UsageError` listing the names otherwise."""
    if name not in QUANTITIES:
        raise UsageError(
            f"no column is called {name!r}; there are "
            f"{', '.join(name for name in QUANTITIES if '.' not in name)}, and the same of another "
            f"metric than AUROC, such as aupro.acc ({', '.join([*BASES, *PIXEL_BASES][1:])})"
        )
    return QUANTITIES[name]


def _of_matrix(base: str, name: str) -> Callable[[Reading], float]:
    if name == "fwt":
        return lambda reading: continual.fwt(*reading.matrix(base), _guessing(reading, base)).value
    return lambda reading: continual.OF_MATRIX[name](*reading.matrix(base)).value


def _guessing(reading: Reading, base: str) -> Matrix:
    """(C,) what guessing reaches in each category that counts."""
    names, record = reading.of(base), reading.record
    share: Mapping[Any, float] = {}
    if base in PIXEL_BASES:
        share = {category: held["share"] for category, held in record.run["pixels"].items()}
    elif base != "auroc":
        share = record.scores.groupby("category")["label"].mean().to_dict()
    return chance(base, np.array([share.get(category, np.nan) for category in names]))


def _of_experts(base: str, name: str) -> Callable[[Reading], float]:
    def read(reading: Reading) -> float:
        if (owner := reading.owner(base)) is None:
            return math.nan
        return continual.OF_EXPERTS[name](*reading.matrix(base), owner).value

    return read


def _gap_to_joint(base: str) -> Callable[[Reading], float]:
    def read(reading: Reading) -> float:
        joint = reading.joint_matrix(base)
        if joint is None:
            return math.nan
        return continual.gap_to_joint(*reading.matrix(base), joint).value

    return read


def _stored(name: str) -> Callable[[Reading], float]:
    return lambda reading: reading.stored(name)


def _of_memory(column: str, scale: float = 1.0) -> Callable[[Reading], float]:
    """A value of the whole method after the last experience."""

    def read(reading: Reading) -> float:
        memory = reading.final_memory
        whole = memory[memory["expert"] == -1]
        return float(whole[column].iloc[0]) * scale if len(whole) else math.nan

    return read


def _utilization(reading: Reading) -> float:
    """Percent: the method's own figure, or the mean of its experts' where it gives none."""
    whole = _of_memory(UTILIZATION, 100)(reading)
    if not math.isnan(whole):
        return whole
    memory = reading.final_memory
    experts = memory[memory["expert"] >= 0][UTILIZATION].dropna()
    return float(experts.mean()) * 100 if len(experts) else math.nan


def _seconds(reading: Reading) -> float:
    return float(reading.record.run["seconds"]["total"])


def _update_seconds(reading: Reading) -> float:
    timing = reading.record.run.get("timing")
    return float(np.mean(timing["update_seconds"])) if timing else math.nan


def _ms_per_image(reading: Reading) -> float:
    timing = reading.record.run.get("timing")
    return float(timing["ms_per_image"]) if timing else math.nan


def _metric(base: str, name: str, read: Callable[[Reading], float]) -> Quantity:
    definition = DEFINITIONS[name]
    if base == "auroc":
        heading = "AUROC" if name == "acc" else name
        note = definition.formula
    else:
        heading = HEADINGS[base] if name == "acc" else f"{HEADINGS[base]} {name}"
        note = f"{definition.formula}, R of {base}: {DEFINITIONS[base].formula}"
    sign = f" ({definition.sign})" if definition.sign else ""
    return Quantity(Column(heading, 3, definition.better), read, f"{heading}: {note}{sign}")


HEADINGS: Mapping[str, str] = {
    "auroc": "AUROC",
    "ap": "AP",
    "f1_max": "F1-max",
    "pixel_auroc": "pixel AUROC",
    "pixel_ap": "pixel AP",
    "pixel_f1_max": "pixel F1-max",
    "aupro": "AUPRO",
}
"""How the mean of each matrix is headed."""


def _continual(base: str) -> dict[str, Quantity]:
    """Every continual metric of one matrix, by the names that metrics.parquet uses."""
    readers = {name: _of_matrix(base, name) for name in (*continual.OF_MATRIX, "fwt")}
    readers |= {name: _of_experts(base, name) for name in continual.OF_EXPERTS}
    readers["gap_to_joint"] = _gap_to_joint(base)
    prefix = "" if base == "auroc" else f"{base}."
    return {f"{prefix}{name}": _metric(base, name, read) for name, read in readers.items()}


QUANTITIES: Mapping[str, Quantity] = {
    **{name: each for base in (*BASES, *PIXEL_BASES) for name, each in _continual(base).items()},
    **{
        name: _metric("auroc", name, _stored(name)) for name in ("pooled_auroc", "routing_accuracy")
    },
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
    "utilization": Quantity(
        Column("utilization %", 1),
        _utilization,
        "utilization: buffered vectors over the budget; the mean of the experts in use",
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
