"""`context.record`: any columns are written, and what cannot be written is refused at the call."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cadbench.benchmark.running.evaluation.event_log import EventLog
from cadbench.methods.banks.finetune import FineTune
from cadbench.results.errors import CadbenchError
from cadbench.results.records.store import find_records

from tests.benchmark.conftest import FINETUNE, Called


def test_events_of_any_columns_are_recorded_exported_and_imported(
    run_plates: Callable[..., Called], call, out: Path, tmp_path, monkeypatch
):
    original = FineTune.observe

    def observe(self: Any, experience: Any) -> Any:
        for epoch in range(2):
            loss = np.float32(0.5) if epoch else math.nan
            self.context.record("epoch", epoch=epoch, loss=loss, best=epoch == 1, note=None)
        self.context.record("stopped", reason="patience", rate=torch.tensor(0.1), experience=99)
        return original(self, experience)

    monkeypatch.setattr(FineTune, "observe", observe)
    done = run_plates(*FINETUNE)
    assert done.code == 0, done.err
    (record,) = find_records(out)
    epochs = record.events[record.events["kind"] == "epoch"]
    assert epochs["experience"].tolist() == [1, 1, 2, 2, 3, 3]
    assert epochs["epoch"].tolist() == [0, 1] * 3
    assert epochs["loss"].tolist()[1::2] == [0.5] * 3
    assert epochs["best"].tolist() == [False, True] * 3
    stopped = record.events[record.events["kind"] == "stopped"]
    assert stopped["experience"].tolist() == [1, 2, 3]
    assert stopped["reason"].tolist() == ["patience"] * 3
    recorded = record.events[record.events["kind"].isin(["epoch", "stopped"])]
    assert set(recorded["category"]) == {""}
    assert call("show", "finetune", "--out", out).code == 0
    archive = tmp_path / "records.tar.gz"
    assert call("export", "all", "--to", archive, "--out", out).code == 0
    imported = call("import", archive, "--out", tmp_path / "other")
    assert imported.code == 0, imported.err
    (copy,) = find_records(tmp_path / "other")
    assert copy.events.equals(record.events)


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("epoch", {"loss": [1, 2]}, "loss is a list; expected a number"),
        ("epoch", {"loss": np.zeros(2)}, "loss is a ndarray"),
        ("epoch", {"loss": torch.zeros(2)}, "loss is a Tensor"),
        ("epoch", {"loss": 1j}, "loss is a complex"),
        ("epoch", {"loss": 2**70}, "loss is 118059"),
        ("epoch", {"loss": "nan"}, "this column holds number"),
        ("epoch", {"note": "a\x00b"}, "unprintable"),
        ("epoch", {"note": "a" * 5000}, "more than 4096 characters"),
        ("epoch", {"": 1}, "expected column names of 1 to 4096 printable"),
        ("epoch", {"expert": "first"}, "this column holds number"),
        ("similarity", {}, "choose another name"),
        (5, {}, "the kind of an event must be a text"),
        ("assignment", {"category": "apple", "expert": 0}, "needs similarity, chosen, reason"),
    ],
)
def test_an_event_that_cannot_be_written_is_refused_at_the_call(
    study, monkeypatch, kind, values, said
):
    def observe(self: Any, experience: Any) -> None:
        self.context.record("epoch", loss=0.5)
        self.context.record(kind, **values)

    built = study()
    monkeypatch.setattr(FineTune, "observe", observe)
    with pytest.raises(CadbenchError, match=f"^method finetune: record.*{said}"):
        built.evaluate(built.cell("finetune"))


def test_a_resumed_run_keeps_the_types_of_columns():
    log = EventLog()
    log.learn_types([{"kind": "epoch", "experience": 1, "category": "", "loss": 0.5, "note": None}])
    with pytest.raises(CadbenchError, match="this column holds number"):
        log.record("epoch", {"loss": "low"})
