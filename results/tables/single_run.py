"""Tables of a single run: matrix, metrics, memory, assignments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..analysis.quantities import stored_matrix
from ..metrics.compute import introduced
from ..metrics.registry import (
    DEFAULT,
    IMAGE_METRICS,
    PIXEL_METRICS,
    is_known,
    split_name,
)
from ..records.record import Record
from ..records.schema import UTILIZATION
from ..rendering.table import Column, Table, Value, text_column

if TYPE_CHECKING:
    import pandas as pd


def matrix_table(record: Record, base: str = DEFAULT) -> Table:
    """The matrix R: one row per experience, one column per category, and a mean."""
    R, s = stored_matrix(record, base=base)
    rows: list[tuple[Value, ...]] = []
    for t, (row, new) in enumerate(zip(R, record.experiences, strict=True), 1):
        seen = row[(s <= t) & ~np.isnan(row)]
        mean = float(seen.mean()) if seen.size else None
        rows.append((t, ", ".join(new), *row.tolist(), mean))
    columns = (
        Column("t"),
        text_column("learned"),
        *(Column(category, 3) for category in record.categories),
        Column("mean of seen", 3),
    )
    notes = (f"{base} of each category (column) after experience t; – was not measured",)
    return Table(run_title(f"Matrix of {base}", record), columns, tuple(rows), notes)


def metrics_table(record: Record) -> Table:
    """Every continual metric: one row per metric, one column per matrix it is computed from."""
    metrics = record.metrics[record.metrics["category"].isna()]
    whole = metrics[metrics["t"].isna()]
    found: dict[str, dict[str, tuple[float, int]]] = {}
    for stored, value, n in zip(whole["metric"], whole["value"], whole["n"], strict=True):
        if is_known(stored):  # a newer release may have written others
            base, name = split_name(stored)
            found.setdefault(name, {})[base] = float(value), int(n)
    routing = found.pop("routing_accuracy", {})
    neighbors = found.pop("wrong_neighbor_rate", {})
    bases = list(dict.fromkeys(base for values in found.values() for base in values))
    groups = [IMAGE_METRICS, PIXEL_METRICS][: 1 + any(base in PIXEL_METRICS for base in bases)]
    rows = [
        (
            name,
            *(values.get(base, (None, 0))[0] for base in bases),
            *(_entered(values, group) for group in groups),
        )
        for name, values in found.items()
    ]
    columns = (
        text_column("metric"),
        *(Column(f"of {base}", 4) for base in bases),
        *(Column(name) for name in ("categories", "with masks")[: len(groups)]),
    )
    notes = [
        "categories, with masks: how many entered image metrics and pixel metrics; "
        "`cadbench metrics` gives the formulae"
    ]
    notes += [
        f"routing_accuracy: {share:.4f} after the last experience" for share, _ in routing.values()
    ]
    notes += [f"wrong_neighbor_rate: {share:.4f}" for share, _ in neighbors.values()]
    pooled = metrics[metrics["metric"] == "pooled_auroc"].sort_values("t")["value"]
    notes += [f"pooled_auroc: {value:.4f} after the last experience" for value in pooled.tail(1)]
    return Table(run_title("Metrics", record), columns, tuple(rows), tuple(notes))


def _entered(values: Mapping[str, tuple[float, int]], group: Iterable[str]) -> int:
    return max((values[base][1] for base in group if base in values), default=0)


def memory_table(record: Record) -> Table:
    """The memory of each expert, and of the entire method, after the last experience."""
    memory = record.memory
    final = memory[memory["experience"] == memory["experience"].max()].sort_values("expert")
    experts, whole = final[final["expert"] >= 0], final[final["expert"] < 0]
    rows = [_memory_row(str(row["expert"]), row) for _, row in experts.iterrows()]
    rows += [_memory_row("all", row) for _, row in whole.iterrows()]
    columns = (
        text_column("expert"),
        text_column("categories"),
        Column("scoring vectors"),
        Column("stored vectors"),
        Column("scoring MB", 3),
        Column("stored MB", 3),
        Column("utilization %", 2),
    )
    notes = (
        "stored: scoring vectors and the buffers, shared vectors once; MB: 10^6 bytes",
        "utilization: buffered vectors over the budget",
    )
    return Table(run_title("Memory", record), columns, tuple(rows), notes)


def assignments_table(record: Record) -> Table:
    """The expert that each category was assigned to and why, with all similarities."""
    events = record.events
    events = events[events["kind"] == "assignment"]
    experts = sorted({int(expert) for expert in events["expert"]}) if len(events) else []
    t = dict(zip(record.categories, introduced(record.experiences, record.categories), strict=True))
    rows = [
        _assignment_row(int(t[str(category)]), str(category), group, experts)
        for category, group in events.groupby("category", sort=False)
    ]
    columns = (
        Column("t"),
        text_column("category"),
        Column("expert"),
        text_column("reason"),
        Column("threshold", 3),
        *(Column(f"similarity to {expert}", 3) for expert in experts),
    )
    notes = (
        "similarity: cosine of the category to each candidate; – owned nothing or had no room",
    )
    if not rows:
        notes = (f"{record.method} assigns no experts",)
    return Table(run_title("Assignments", record), columns, tuple(rows), notes)


def _assignment_row(
    t: int, category: str, candidates: pd.DataFrame, experts: list[int]
) -> tuple[Value, ...]:
    chosen = candidates[candidates["chosen"].astype(bool)].iloc[-1]
    similarity = dict(zip(candidates["expert"].astype(int), candidates["similarity"], strict=True))
    shown = [float(similarity.get(expert, np.nan)) for expert in experts]
    return t, category, int(chosen["expert"]), chosen["reason"], float(chosen["threshold"]), *shown


def _memory_row(name: str, row: pd.Series) -> tuple[Value, ...]:
    return (
        name,
        str(row["categories"]).replace(",", ", "),
        int(row["scoring_vectors"]),
        int(row["stored_vectors"]),
        float(row["scoring_bytes"]) * 1e-6,
        float(row["stored_bytes"]) * 1e-6,
        float(row[UTILIZATION]) * 100,
    )


def run_title(what: str, record: Record) -> str:
    """The title of a table about one run."""
    return (
        f"{what}: {record.method} {record.key[:8]}, {record.protocol}, order {record.order}, "
        f"seed {record.seed}"
    )
