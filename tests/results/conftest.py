"""`make_record`: a small record with a chosen AUROC matrix, written and read by the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cadbench.results.metrics.compute import compute_metrics
from cadbench.results.metrics.registry import IMAGE_METRICS
from cadbench.results.records.record import Record
from cadbench.results.records.store import partial_dir, record_dir, write_record

from tests.results.samples import (
    MATRIX,
    make_cell,
    make_events,
    make_memory,
    make_run,
    make_scores,
)

Make = Callable[..., Record]

_metrics: dict[str, pd.DataFrame] = {}
"""Metrics of records that were made before, by what they follow from."""


@pytest.fixture
def make_record(tmp_path: Path) -> Make:
    """make_record(R=MATRIX, owner={}, experiences=None, maps=None, scores=None, **cell changes).

    `scores` is a scores table to take instead of one that is made to have the matrix R; `recorded`
    are events of other kinds.
    """

    def make(
        R: list[list[float]] = MATRIX,
        owner: dict[str, int] | None = None,
        experiences: list[list[str]] | None = None,
        maps: np.ndarray | None = None,
        scores: pd.DataFrame | None = None,
        recorded: pd.DataFrame | None = None,
        **changes: Any,
    ) -> Record:
        cell = make_cell(**changes)
        if experiences is None:
            experiences = [[category] for category in cell["order"]["categories"]]
        plain = scores is None and recorded is None
        if scores is None:
            scores = make_scores(R, experiences, owner)
        events = make_events(owner or {})
        if recorded is not None:
            events = pd.concat([events, recorded], ignore_index=True) if owner else recorded
        defined = [id(metric) for metric in IMAGE_METRICS.values()]  # tests replace some
        inputs = repr((R, owner, experiences, cell["routing"], defined))
        metrics = _metrics.get(inputs) if plain else None
        if metrics is None:
            metrics = compute_metrics(scores, experiences, cell["routing"], events)
        if plain:
            _metrics[inputs] = metrics
        frames = {
            "scores": scores,
            "metrics": metrics,
            "memory": make_memory(len(experiences)),
            "events": events,
        }
        run = make_run(cell, experiences)
        if maps is not None:
            run |= {"maps": "final", "features": {"grid": list(maps.shape[1:]), "dim": 152}}
        final = record_dir(tmp_path / "runs", cell)
        return write_record(partial_dir(final), final, run, frames, maps)

    return make
