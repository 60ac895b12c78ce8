"""Records of MECAD on MVTec AD as `cadbench paper mecad` leaves them, with chosen numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from cadbench.results.metrics.compute import compute_metrics
from cadbench.results.papers.paper import load_paper
from cadbench.results.records.record import Record
from cadbench.results.records.store import partial_dir, record_dir, write_record

from tests.results.samples import make_cell, make_events, make_run, make_scores

(_PRINTED,) = (row for row in load_paper("mecad").rows() if row.assignment)
PAPER = {c: int(e) for e, owned in _PRINTED.assignment.items() for c in owned}
"""The paper's assignment at five experts, alphabetical."""
PAPER = dict(sorted(PAPER.items()))

FINAL = {**dict.fromkeys(PAPER, 0.8), "screw": 0.45, "transistor": 0.45, "leather": 1.0}
FINAL["bottle"] = 1.0
MEAN = 11.7 / 15
"""Mean of FINAL: eleven of 0.8, two of 0.45, two of 1."""

PARAMS: Mapping[str, Any] = {
    "experts": 5,
    "threshold": 0.9,
    "class_budget": 400,
    "expert_budget": 2400,
    "categories_per_expert": 5,
    "replay": "random",
    "replay_ratio": 0.2,
    "replay_redraw": False,
    "selector": "approximate_greedy",
    "coreset_start": "mean",
    "router": "nearest_mean",
    "centroid": "patches",
    "expert_centroid": "categories",
    "update": "union",
    "replay_share": "buffer",
}


def write_paper_run(
    out: Path,
    owner: Mapping[str, int] = PAPER,
    final: Mapping[str, float] = FINAL,
    *,
    backbone: str = "wide_resnet50_2",
    embedding: str = "official",
    seed: int = 0,
    **params: Any,
) -> Record:
    """A record in `out` on the categories of `owner`, 1 when learned, `final` at the end."""
    names = list(owner)
    cell = make_cell(
        categories=names,
        dataset="mvtec",
        schedule=f"1x{len(names)}",
        protocol=f"mvtec-1x{len(names)}-224-oracle@1",
        backbone=backbone,
        seed=seed,
        params={**PARAMS, **params},
    )
    cell["features"]["embedding"] = embedding
    experiences = [[name] for name in names]
    scores = make_scores(_matrix(names, final), experiences)
    events = make_events(dict(owner), threshold=0.9)
    frames = {
        "scores": scores,
        "metrics": compute_metrics(scores, experiences, "oracle", events),
        "memory": _memory(owner),
        "events": events,
    }
    place = record_dir(out, cell)
    return write_record(partial_dir(place), place, make_run(cell, experiences), frames)


def _matrix(names: list[str], final: Mapping[str, float]) -> list[list[float]]:
    last = len(names) - 1
    return [
        [final[name] if t == last else 1.0 if c <= t else math.nan for c, name in enumerate(names)]
        for t in range(len(names))
    ]


def _memory(owner: Mapping[str, int]) -> pd.DataFrame:
    """Two-level memory as the paper's budgets give it, after the last experience."""
    rows = []
    for expert in sorted(set(owner.values())):
        owned = [name for name, other in owner.items() if other == expert]
        buffered = min(400, 2400 // len(owned)) * len(owned)
        scoring = 400 + 80 * (len(owned) - 1)
        rows.append((len(owner), expert, ",".join(owned), scoring, buffered, buffered / 2400))
    rows.append(
        (len(owner), -1, ",".join(owner), *(sum(r[i] for r in rows) for i in (3, 4)), math.nan)
    )
    columns = ["experience", "expert", "categories", "scoring_vectors", "stored_vectors"]
    frame = pd.DataFrame(rows, columns=[*columns, "utilisation"])
    for kind in ("scoring", "stored"):
        frame[f"{kind}_bytes"] = frame[f"{kind}_vectors"] * 2048
    return frame
