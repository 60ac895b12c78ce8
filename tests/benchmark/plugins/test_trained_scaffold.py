"""`cadbench new-method --kind trained`: the example of docs/trained_plugin.md, run as it is."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.conformance.report import check_method
from cadbench.benchmark.plugins.scaffold import write_method
from cadbench.results.records.store import find_records

from tests.benchmark.conftest import Called

DOCUMENT = Path(__file__).parents[3] / "docs" / "trained_plugin.md"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_method("tiny-ae", tmp_path, "trained") / "src" / "tiny_ae.py"


@pytest.fixture
def kind(source: Path) -> Any:
    spec = importlib.util.spec_from_file_location("tiny_ae", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TinyAe  # type: ignore[attr-defined]


def test_the_document_shows_what_is_written(source):
    (block,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert block == source.read_text("utf-8")
    readme = (source.parents[1] / "README.md").read_text("utf-8")
    assert "--set tiny-ae.width=8,16" in readme


def test_it_keeps_the_rules(kind):
    few = mock_stream(train=4, test=2, side=2, dim=4)
    only = ["declaration", "determinism", "random_state", "state", "memory", "inferred"]
    report = check_method(kind, only=only, stream=few, epochs=1, width=2)
    assert report.passed, report


def test_training_stops_early_and_keeps_the_best_weights(kind):
    stream = mock_stream(categories=1, train=6, side=2, dim=4)
    method = stream.build(kind, stream.resolved(kind, epochs=30, patience=2, learning_rate=1.0))
    (experience,) = stream.experiences(images=True)
    services = stream.services()
    method = stream.build(kind, method.params, services=services)
    method.observe(experience)
    losses = [event["held_out_loss"] for event in services.events]
    assert len(losses) < 30
    assert losses.index(min(losses)) == len(losses) - 3


def test_a_run_records_its_losses_and_its_maps_of_pixels(
    run_plates: Callable[..., Called], source: Path, out: Path, monkeypatch
):
    monkeypatch.chdir(source.parent)
    name = "tiny_ae:TinyAe"
    done = run_plates("--method", name, "--set", f"{name}.epochs=2", "--set", f"{name}.width=2")
    assert done.code == 0, done.err
    (record,) = find_records(out)
    assert record.run["map_grid"] == [64, 64]
    epochs = record.events[record.events["kind"] == "epoch"]
    assert epochs["experience"].tolist() == [1, 1, 2, 2, 3, 3]
    assert epochs["loss"].notna().all()
