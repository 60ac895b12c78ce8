"""Anomaly maps of any size up to that of the image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from cadbench.benchmark.interface.prediction import Prediction
from cadbench.benchmark.running.evaluation.progress import Step
from cadbench.methods.banks.finetune import FineTune
from cadbench.results.errors import CadbenchError
from cadbench.results.records.store import find_records

from tests.benchmark.conftest import FINETUNE, Called


def with_maps(monkeypatch: pytest.MonkeyPatch, make: Callable[[torch.Tensor], Any]) -> None:
    original = FineTune.score

    def score(self: Any, batch: Any) -> Prediction:
        prediction = original(self, batch)
        return Prediction(prediction.image_scores, make(prediction.maps), prediction.route)

    monkeypatch.setattr(FineTune, "score", score)


@pytest.mark.parametrize("size", [(64, 64), (32, 16), (4, 4)])
def test_maps_keep_their_size_in_the_record_and_through_an_import(
    run_plates: Callable[..., Called], call, out: Path, tmp_path, monkeypatch, size
):
    with_maps(monkeypatch, lambda maps: maps[:, :1, :1].expand(-1, *size))
    done = run_plates(*FINETUNE)
    assert done.code == 0, done.err
    (record,) = find_records(out)
    assert record.run["map_grid"] == list(size)
    assert record.run["features"]["grid"] == [8, 8]
    maps = record.maps()
    assert maps is not None
    assert maps.shape[1:] == size
    assert {"pixel_auroc"} <= set(record.metrics["metric"])
    archive = tmp_path / "records.tar.gz"
    assert call("export", "all", "--to", archive, "--out", out).code == 0
    imported = call("import", archive, "--out", tmp_path / "other")
    assert imported.code == 0, imported.err


def test_maps_of_the_patch_grid_leave_no_entry(run_plates: Callable[..., Called], out: Path):
    assert run_plates(*FINETUNE).code == 0
    assert "map_grid" not in find_records(out)[0].run


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda maps: maps.repeat(1, 9, 9), "expected .*, h, w. with h and w from 1 to 64"),
        (lambda maps: maps.flatten(1), "expected .*, h, w."),
        (lambda maps: maps[:, :0], "h and w from 1"),
        (lambda maps: maps[: len(maps) - 1], "expected"),
    ],
)
def test_maps_that_do_not_fit_are_refused(study, monkeypatch, make, said):
    with_maps(monkeypatch, make)
    built = study()
    with pytest.raises(CadbenchError, match=f"finetune: score returned .*maps has shape .*{said}"):
        built.evaluate(built.cell("finetune"))


def test_maps_of_another_size_than_before_are_refused(study, monkeypatch):
    sizes = iter(range(4, 60))
    with_maps(monkeypatch, lambda maps: maps[:, :1, :1].expand(-1, next(sizes), 4))
    built = study()
    with pytest.raises(CadbenchError, match=r"the grid \(5, 4\), but .* earlier .* \(4, 4\)"):
        built.evaluate(built.cell("finetune"))


def test_a_checkpoint_keeps_the_size_of_maps_and_those_of_earlier_releases_are_read():
    step = Step(1, map_grid=(3, 5))
    state = {**step.as_state(), "map_grid": [3, 5]}
    assert Step.from_state(state).map_grid == (3, 5)
    del state["map_grid"]
    state["shown"], state["fresh"] = state.pop("columns"), state.pop("scores")
    assert vars(Step.from_state(state)) == vars(Step(1))
