"""One run as data for the report: configuration, versions, matrices, tables, training curves."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis.quantities import Reading, quantity, stored_matrix
from ..analysis.recorded_events import Curve, curves_of, recorded_kinds
from ..metrics.defects import defect_aurocs
from ..metrics.registry import CATEGORY_METRICS, IMAGE_METRICS
from ..records.provenance import of_one
from ..records.record import Record
from ..records.schema import ASSIGNED
from ..tables.comparison import COSTS
from ..tables.recorded_events import recorded_table
from ..tables.single_run import assignments_table, memory_table, metrics_table
from .json_safe import table_values

if TYPE_CHECKING:
    import pandas as pd

_DECIMALS = 9
"""Significant digits of matrix values: more than any table prints, in half the bytes."""


_CURVES = 12
"""Charts of recorded numbers on the page of a run."""
_POINTS = 200
"""Points of a curve in such a chart."""
_BINS = 20
"""Bars of a histogram of scores."""


def run_values(record: Record, kinds: dict[str, int]) -> dict[str, Any]:
    """The data of the page of a run; it holds no path.

    Args:
        record: the run.
        kinds: the lists of kinds of defects of the runs before, as JSON, numbered; runs with the
            same list share it.
    """
    run = record.run
    tables = [metrics_table(record), memory_table(record)]
    if ASSIGNED in set(record.events["kind"]):
        tables.insert(0, assignments_table(record))
    kinds_of_events = recorded_kinds(record)
    recorded = recorded_table(record, kinds_of_events)
    final = _final_scores(record)
    return {
        "key": record.key,
        "method": record.method,
        "seed": record.seed,
        "order": record.order,
        "cell": {name: value for name, value in record.cell.items() if name != "method"},
        "version": record.cell["method"]["version"],
        "params": record.params,
        "experiences": record.experiences,
        "made_with": of_one(record),
        "seconds": run["seconds"],
        "timing": run.get("timing"),
        "costs": _costs(record),
        "maps": run["maps"],
        "notes": [*run["notes"], *(f"data: {line}" for line in record.data_notes)],
        "skipped": [f"{each['path']}: {each['reason']}" for each in run["skipped"]],
        "matrices": _matrices(record),
        "acc": Reading(record, tuple(record.categories)).stored("acc"),
        **_defects(final, kinds),
        "histograms": _histograms(final),
        "tables": [table_values(table) for table in tables],
        "recorded": recorded and table_values(recorded),
        "training": [
            {"name": each.name, "x": each.x, "curves": [_curve_values(c) for c in each.curves]}
            for each in curves_of(record, kinds_of_events)[:_CURVES]
        ],
    }


def _final_scores(record: Record) -> pd.DataFrame:
    """The image scores after the last experience."""
    import pyarrow.compute as pc

    # Faster than `record.scores`, which converts all columns of all experiences.
    table = record.table("scores").select(["experience", "category", "defect", "label", "score"])
    found: pd.DataFrame = table.filter(
        pc.equal(table["experience"], len(record.experiences))
    ).to_pandas()
    return found


def _histograms(final: pd.DataFrame) -> dict[str, list[Any]]:
    """Category -> its lowest and highest score, and per bin of equal width the number of good and
    of defective images.
    """
    found = {}
    for category, part in final.groupby("category", sort=False):
        scores, labels = part["score"].to_numpy(float), part["label"].to_numpy()
        low, high = float(scores.min()), float(scores.max())
        if math.isfinite(high - low):
            edges = np.linspace(low, high, _BINS + 1)
            counts = (np.histogram(scores[labels == label], edges)[0] for label in (0, 1))
            ends = (float(f"{end:.6g}") for end in (low, high))
            found[str(category)] = [*ends, *(each.tolist() for each in counts)]
    return found


def _defects(final: pd.DataFrame, kinds: dict[str, int]) -> dict[str, Any]:
    """AUROC of each kind of defect, and the number of the list that names them."""
    found = defect_aurocs(final, int(final["experience"].max()))
    named = json.dumps([[*kind, n] for kind, (_, n) in found.items()])
    values = [None if math.isnan(value) else round(value, 5) for value, _ in found.values()]
    return {"kinds": kinds.setdefault(named, len(kinds)), "defects": values}


def _costs(record: Record) -> dict[str, float]:
    """The highest costs of an experience that do not depend on shared caches, by heading."""
    reading = Reading(record, tuple(record.categories))
    columns = [quantity(name) for name in COSTS if not name.startswith("update")]
    values = {each.column.name: float(each.read(reading)) for each in columns}
    return {name: round(value, 3) for name, value in values.items() if math.isfinite(value)}


def _curve_values(curve: Curve) -> dict[str, Any]:
    """A curve with at most `_POINTS` points; the last one is always kept."""
    every = max(1, -(-len(curve.x) // _POINTS))
    kept = sorted({*range(0, len(curve.x), every), len(curve.x) - 1})
    y = [float(f"{curve.y[index]:.6g}") for index in kept]
    return {"name": curve.name, "x": [curve.x[index] for index in kept], "y": y}


def _matrices(record: Record) -> dict[str, list[list[float]]]:
    """R (T, C) of every metric of the record, columns in the order of the stream."""
    present = IMAGE_METRICS.keys() | set(record.metrics["metric"])
    return {
        base: stored_matrix(record, base=base)[0].round(_DECIMALS).tolist()
        for base in CATEGORY_METRICS
        if base in present
    }
