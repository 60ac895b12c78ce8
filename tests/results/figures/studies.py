"""Made-up runs of any number of categories, for figures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cadbench.results.analysis.rows import rows_of
from cadbench.results.figures.selection import Selection, select_rows
from cadbench.results.metrics.compute import compute_metrics
from cadbench.results.metrics.operating_points import HeldOut
from cadbench.results.records.record import Record
from cadbench.results.records.store import partial_dir, record_dir, write_record
from cadbench.results.statistics.bootstrap import Bootstrap
from cadbench.results.statistics.bootstrap_draws import Draws

from tests.results import samples

LONG = "a_rather_long_category_name_of_a_small_plastic_part"
FEW_DRAWS = Bootstrap(Draws(20))


_EVENTS = [
    *("experience", "kind", "category", "expert", "similarity", "chosen", "reason", "threshold"),
    "other",
]


def _losses(categories: list[str]) -> pd.DataFrame:
    """Three epochs per experience, with a loss that falls."""
    rows = [
        (t, "epoch", "", epoch, 2.0 * t / epoch)
        for t in range(1, len(categories) + 1)
        for epoch in (1, 2, 3)
    ]
    return pd.DataFrame(rows, columns=["experience", "kind", "category", "epoch", "loss"])


def names(count: int, long: bool = False) -> list[str]:
    return [f"{LONG}_{c:02d}" if long else f"part_{c:02d}" for c in range(count)]


def source(records: list[Record], **options: Any) -> Selection:
    """What figures of these records are drawn from, with few replicates."""
    return select_rows(rows_of(records), bootstrap=FEW_DRAWS, **options)


def study_record(
    out: Path,
    categories: list[str],
    number: int,
    method: str,
    params: dict[str, Any],
    seed: int = 0,
    **changes: Any,
) -> Record:
    """A made-up run: values fall with every later category and rise with `number`.

    Category c belongs to expert c modulo the parameter `experts`, where there is one.
    """
    cell = samples.make_cell(
        method=method,
        params=params,
        categories=categories,
        schedule=f"1x{len(categories)}",
        seed=seed,
        **{"protocol": f"synthetic-1x{len(categories)}-224-oracle@1", **changes},
    )
    cell["holdout"] = 0.1
    T = len(categories)
    experts = params.get("experts", 0)
    rng = np.random.Generator(np.random.PCG64([number, seed]))
    scores, events, memory = [], [], []

    def route(t: int, c: int, i: int) -> int:
        """Without the category, every fourth image is sent to the next expert."""
        routed = experts and cell["routing"] == "inferred"
        return (c + (i % 4 == 3)) % min(experts, t) if routed else -1

    for t in range(1, T + 1):
        for c in range(min(t + 1, T)):
            shift = 2.0 / (1 + 0.1 * max(0, t - c)) + 0.1 * number
            values = rng.normal(size=6) + np.repeat([0.0, shift], 3)
            scores += [
                (
                    t,
                    categories[c],
                    f"{c}-{i}",
                    i // 3,
                    "hole" if i > 2 else "good",
                    v,
                    route(t, c, i),
                )
                for i, v in enumerate(values.tolist())
            ]
        stored = 400 * t + 300 * number
        memory.append((t, -1, "", stored, stored, 600 * stored, 600 * stored, math.nan))
        used = min(experts, t)
        for e in range(used):
            own = ",".join(categories[e:t:experts])
            memory.append((t, e, own, 400, 400, 400 * 600, 400 * 600, min(1.0, 0.1 * t)))
        for e in range(used):
            new = e == t - 1
            common = (t, "assignment", categories[t - 1], e, math.nan if new else rng.random())
            events.append((*common, e == (t - 1) % experts, "similar", 0.5, None))
        for other in categories[: t - 1] if experts else ():
            near = (t, "similarity", categories[t - 1], math.nan, rng.random())
            events.append((*near, None, None, math.nan, other))
    frames_of_events = [_losses(categories)]
    if events:
        frames_of_events.insert(0, pd.DataFrame(events, columns=_EVENTS))
    frames = {
        "scores": pd.DataFrame(
            scores,
            columns=["experience", "category", "image", "label", "defect", "score", "route"],
        ),
        "memory": pd.DataFrame(memory, columns=samples.make_memory(1).columns),
        "events": pd.concat(frames_of_events, ignore_index=True),
    }
    experiences = [[category] for category in categories]
    frames["held_out"] = pd.DataFrame(
        [(t, category, f"{t}", 1.0, -1) for t, category in enumerate(categories, 1)],
        columns=["experience", "category", "image", "score", "route"],
    )
    held_out = HeldOut.of_cell(frames["held_out"], cell)
    frames["metrics"] = compute_metrics(
        frames["scores"], experiences, cell["routing"], frames["events"], None, held_out
    )
    final = record_dir(out, cell)
    return write_record(partial_dir(final), final, samples.make_run(cell, experiences), frames)
