"""The columns of a comparison: how each is read from a run, its heading, and its footnote.

Continual metrics are computed again from the stored matrix, over the categories that every row of
the table defines, so that no row benefits from a category that another lacks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..did_you_mean import suggestion
from ..errors import UsageError
from ..metrics import compute
from ..metrics.compute import introduced, owners
from ..metrics.defects import Kind, defect_aurocs
from ..metrics.metric import CategoryMetric, ContinualMetric, FloatOrArray, Index, Matrix
from ..metrics.registry import (
    BOUNDARY_METRICS,
    CATEGORY_METRICS,
    DEFAULT,
    IMAGE_METRICS,
    MATRIX_METRICS,
    PIXEL_METRICS,
    STORED_METRICS,
    stored_name,
)
from ..records.record import Record
from ..records.schema import UTILIZATION
from ..rendering.table import Column

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Reading:
    """One run, restricted to `categories`, and the joint run to compare it with, if there is one.

    masked: the categories that count for pixel metrics (None: all).
    """

    record: Record
    categories: tuple[str, ...]
    joint: Record | None = None
    masked: tuple[str, ...] | None = None
    _matrices: dict[str, tuple[Matrix, Index]] = field(default_factory=dict, repr=False)
    _owners: dict[tuple[str, ...], Index | None] = field(default_factory=dict, repr=False)

    def of(self, base: str) -> tuple[str, ...]:
        """The categories that count for the matrix of the category metric `base`."""
        return self.categories if base not in PIXEL_METRICS or self.masked is None else self.masked

    def matrix(self, base: str = DEFAULT) -> tuple[Matrix, Index]:
        """(R, s) of `base` over the categories that count."""
        if base not in self._matrices:
            self._matrices[base] = stored_matrix(self.record, self.of(base), base)
        return self._matrices[base]

    def owner(self, base: str = DEFAULT) -> Index | None:
        """The expert that owns each category that counts; None where the run has no experts."""
        names = self.of(base)
        if names not in self._owners:
            self._owners[names] = owners(self.record.events, names)
        return self._owners[names]

    def joint_matrix(self, base: str = DEFAULT) -> Matrix | None:
        """R of the joint run over the same categories."""
        return None if self.joint is None else stored_matrix(self.joint, self.of(base), base)[0]

    def stored(self, name: str) -> FloatOrArray:
        """A value over categories, stored as `name`, of the last experience."""
        metrics = self.record.metrics
        rows = metrics[(metrics["metric"] == name) & metrics["category"].isna()].sort_values("t")
        return float(rows["value"].iloc[-1]) if len(rows) else math.nan

    @cached_property
    def defects(self) -> Mapping[Kind, FloatOrArray]:
        """AUROC of each kind of defect after the last experience, of all categories."""
        found = defect_aurocs(self.record.scores, len(self.record.experiences))
        return {kind: value for kind, (value, _) in found.items()}

    @cached_property
    def final_memory(self) -> pd.DataFrame:
        """The rows of memory.parquet after the last experience."""
        memory = self.record.memory
        last: pd.DataFrame = memory[memory["experience"] == memory["experience"].max()]
        return last


@dataclass(frozen=True)
class Quantity:
    """A column and how its number is read from a run.

    Args:
        column: heading, digits, and which way is better.
        read: the number of a run, NaN where the run does not define it; of a bootstrap's reading an
            array, one number per replicate.
        note: the footnote.
        base: the category metric whose matrix it is computed from; None for no matrix.
        extreme: whether it is a maximum or minimum, which noise biases in one direction.
    """

    column: Column
    read: Callable[[Reading], FloatOrArray]
    note: str
    base: str | None = None
    extreme: bool = False


def stored_matrix(
    record: Record, categories: Sequence[str] | None = None, base: str = DEFAULT
) -> tuple[Matrix, Index]:
    """The matrix of a category metric as metrics.parquet holds it.

    An image metric that the release that wrote the record did not have is computed from the scores.

    Args:
        record: the run.
        categories: the columns of R; by default all, in the order of the stream.
        base: the name of a category metric.

    Returns:
        R (T, C), NaN where it was not measured, and s (C,), the experience that introduces each
        category.
    """
    import pyarrow.compute as pc

    names = record.categories if categories is None else categories
    number = {category: c for c, category in enumerate(names)}
    R = np.full((len(record.experiences), len(names)), np.nan)
    table = record.table("metrics")
    cells = table.filter(pc.and_(pc.equal(table["metric"], base), pc.is_valid(table["category"])))
    if not len(cells) and base in IMAGE_METRICS:
        return compute.matrix(record.scores, record.experiences, names, base)
    columns = (cells[name].to_pylist() for name in ("t", "category", "value"))
    for t, category, value in zip(*columns, strict=True):
        if category in number:
            R[t - 1, number[category]] = value
    return R, introduced(record.experiences, names)


def full_name(name: str) -> str:
    """The name of a quantity; a category metric alone, such as `aupro`, means `aupro.acc`, and a
    heading, such as `stored MB`, its quantity. Upper and lower case are the same.
    """
    folded = name.casefold()
    if folded in CATEGORY_METRICS:
        return stored_name(folded, "acc")
    if folded in QUANTITIES:
        return folded
    return next((n for n, q in QUANTITIES.items() if q.column.name.casefold() == folded), name)


def quantity(name: str) -> Quantity:
    """The quantity of that name; `UsageError` listing the names otherwise."""
    if name not in QUANTITIES:
        others = ", ".join(name for name in CATEGORY_METRICS if name != DEFAULT)
        raise UsageError(
            f"no column has the name {name!r}{suggestion(name, QUANTITIES)}; available: "
            f"{', '.join(name for name in QUANTITIES if '.' not in name)}, or one of these for a "
            f"metric other than AUROC, such as aupro.acc ({others})"
        )
    return QUANTITIES[name]


def _of_matrix(base: CategoryMetric, metric: ContinualMetric) -> Quantity:
    """The quantity of a continual metric of the matrix of `base`."""
    heading = metric.heading if base.name == DEFAULT else f"{base.heading} {metric.heading}"
    if metric.name == "acc":
        heading = base.heading
    note = metric.formula_of(base)
    if base.name != DEFAULT:
        note += f", R of {base.name}: {base.formula}"
        note += f"; {base.sign}" if metric.needs == "chance" and base.sign else ""
    column = Column(heading, 3, metric.better_of(base))
    sign = metric.sign_of(base)
    footnote = f"{heading}: {note}" + (f" ({sign})" if sign else "")
    return Quantity(column, _reader(base, metric), footnote, base.name, metric.extreme)


def _reader(base: CategoryMetric, metric: ContinualMetric) -> Callable[[Reading], FloatOrArray]:
    needed: Mapping[str, Callable[[Reading], Matrix | Index | None]] = {
        "chance": lambda reading: _chance(reading, base),
        "owners": lambda reading: reading.owner(base.name),
        "joint": lambda reading: reading.joint_matrix(base.name),
    }

    def read(reading: Reading) -> FloatOrArray:
        third = None
        if metric.needs in needed and (third := needed[metric.needs](reading)) is None:
            return math.nan
        return metric.measure(base, *reading.matrix(base.name), third).value

    return read


def _chance(reading: Reading, base: CategoryMetric) -> Matrix:
    """(C,) the chance level of each category that counts."""
    names, record = reading.of(base.name), reading.record
    share: Mapping[Any, float] = {}
    if base.name in PIXEL_METRICS:
        share = {category: held["share"] for category, held in record.run["pixels"].items()}
    elif base.name != DEFAULT:  # whose level does not depend on it
        share = record.scores.groupby("category")["label"].mean().to_dict()
    assert base.chance is not None  # else no quantity needs it
    return base.chance(np.array([share.get(category, np.nan) for category in names]))


def _of_scores(metric: ContinualMetric) -> Quantity:
    """The quantity of a metric that is stored after each experience and has no matrix."""
    sign = f" ({metric.sign})" if metric.sign else ""
    note = f"{metric.heading}: {metric.formula}{sign}"
    column = Column(metric.heading, 3, metric.better)
    return Quantity(column, lambda reading: reading.stored(metric.name), note)


def _of_memory(column: str, scale: float = 1.0) -> Callable[[Reading], float]:
    """Return a function that reads a value of the entire method after the last experience."""

    def read(reading: Reading) -> float:
        memory = reading.final_memory
        whole = memory[memory["expert"] == -1]
        return float(whole[column].iloc[0]) * scale if len(whole) else math.nan

    return read


def _utilization(reading: Reading) -> float:
    """Percent: the value that the method reports, or else the mean over its experts."""
    whole = _of_memory(UTILIZATION, 100)(reading)
    if not math.isnan(whole):
        return whole
    memory = reading.final_memory
    experts = memory[memory["expert"] >= 0][UTILIZATION].dropna()
    return float(experts.mean()) * 100 if len(experts) else math.nan


def _boundaries(reading: Reading) -> float:
    """The number of boundaries of the stream; NaN if the method finds none by itself."""
    metrics = reading.record.metrics
    rows = metrics[metrics["metric"].isin(BOUNDARY_METRICS)]
    return float(rows["n"].iloc[0]) if len(rows) else math.nan


def _of_timing(name: str) -> Callable[[Reading], float]:
    """Return a function that reads a value of `--time`, the mean over the experiences."""

    def read(reading: Reading) -> float:
        timing: Mapping[str, Any] = reading.record.run.get("timing", {})
        return float(np.mean(timing[name])) if name in timing else math.nan

    return read


_COSTS = {
    "parameters_trained": ("parameters_trained", "trained M", 3, "million parameters in training"),
    "parameters_stored": ("parameters_stored", "stored M", 3, "million stored parameters"),
    "network_mb": ("network_bytes", "network MB", 2, "stored networks"),
    "other_mb": ("other_bytes", "other MB", 2, "all else that is stored, such as vectors, images"),
    "process_mb": (
        *("process_bytes", "process MB", 0),
        "peak memory of the process while it learned, cached features included",
    ),
    "gpu_mb": ("gpu_bytes", "GPU MB", 0, "peak memory on the GPU while it learned"),
}
"""Column -> entry of `costs`, heading, digits and meaning; all are shown in millions."""


def _of_costs(name: str) -> Callable[[Reading], float]:
    """Return a function that reads the highest value of a cost, in millions."""

    def read(reading: Reading) -> float:
        entries: Sequence[Mapping[str, Any]] = reading.record.run.get("costs", ())
        values = [each[name] for each in entries if each[name] is not None]
        return float(max(values)) * 1e-6 if values else math.nan

    return read


QUANTITIES: Mapping[str, Quantity] = {
    **{
        stored_name(base.name, metric.name): _of_matrix(base, metric)
        for base in CATEGORY_METRICS.values()
        for metric in MATRIX_METRICS.values()
        if metric.is_defined_for(base)
    },
    **{name: _of_scores(metric) for name, metric in STORED_METRICS.items()},
    "boundaries": Quantity(
        Column("boundaries", 0), _boundaries, "boundaries: changes of category in the stream"
    ),
    "scoring_vectors": Quantity(
        Column("scoring vectors", 0, "lower"),
        _of_memory("scoring_vectors"),
        "scoring vectors: those that scores are computed with",
    ),
    "stored_vectors": Quantity(
        Column("stored vectors", 0, "lower"),
        _of_memory("stored_vectors"),
        "stored: scoring vectors and the buffers, shared vectors once",
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
        Column("seconds", 1, "lower"),
        lambda reading: float(reading.record.run["seconds"]["total"]),
        "seconds: the whole run, with shared caches",
    ),
    "update_seconds": Quantity(
        Column("update s", 2, "lower"),
        _of_timing("update_seconds"),
        "update s: mean time to learn an experience with all caches off (`--time`)",
    ),
    "ms_per_image": Quantity(
        Column("ms/image", 2, "lower"),
        _of_timing("ms_per_image"),
        "ms/image: scoring with all caches off, features given (`--time`)",
    ),
    "update_joules": Quantity(
        Column("update J", 1, "lower"),
        _of_timing("update_joules"),
        "update J: mean energy to learn an experience with all caches off (`--time`), of the "
        "processors and the GPU, whoever used them",
    ),
    **{
        name: Quantity(Column(heading, digits, "lower"), _of_costs(cost), f"{heading}: {note}")
        for name, (cost, heading, digits, note) in _COSTS.items()
    },
}
