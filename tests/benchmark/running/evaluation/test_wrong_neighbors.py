"""wrong_neighbor_rate: against all distances computed plainly, and where it is not defined."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from cadbench import Method
from cadbench.benchmark.running.evaluation.event_log import EventLog
from cadbench.benchmark.system.plugin_errors import PluginMistake
from cadbench.results.metrics.compute import compute_metrics
from cadbench.results.records.schema import WRONG_NEIGHBORS

from tests.benchmark.samples import BUDGETS, assert_same_scores


def shares(progress):
    return {e["category"]: e["rate"] for e in progress.events if e["kind"] == WRONG_NEIGHBORS}


@pytest.fixture
def final_method(monkeypatch):
    """The method of the last cell, after its last experience."""
    from cadbench.benchmark.running.evaluation import trial

    kept = []
    build = trial.build_method

    def build_and_keep(*given):
        kept.append(build(*given))
        return kept[-1]

    monkeypatch.setattr(trial, "build_method", build_and_keep)
    return kept


@pytest.mark.parametrize("routing", ["oracle", "inferred"])
@pytest.mark.parametrize("method", BUDGETS)
def test_the_share_is_that_of_all_distances(study, final_method, method, routing):
    built = study()
    done = built.evaluate(built.cell(method, routing=routing, params=BUDGETS[method]))
    found = shares(done)
    memory = final_method[-1][0].scoring_blocks()
    for category, scored in done.rows[-1].items():
        source = built.features.patches(category, "test")
        patches = source.read(range(len(source.ids))).numpy().astype(np.float64)
        wrong = 0
        for image, route in zip(patches, scored.routes.tolist(), strict=True):
            near = {True: np.full(len(image), np.inf), False: np.full(len(image), np.inf)}
            for block in memory[route]:
                vectors = block.vectors.numpy().astype(np.float64)
                distances = np.linalg.norm(image[:, None] - vectors[None], axis=2).min(axis=1)
                own = block.category == category
                near[own] = np.minimum(near[own], distances)
            wrong += int((near[False] < near[True]).sum())
        assert found[category] == pytest.approx(wrong / patches[..., 0].size, abs=2e-3)
    if method == "finetune":
        assert list(found.values()) == [1, 1, 1, 0]
    if (method, routing) == ("per_category", "oracle"):
        assert set(found.values()) == {0}


def test_counting_changes_no_score(study, monkeypatch):
    built = study()
    cell = built.cell("patchcore", params=BUDGETS["patchcore"])
    counted = built.evaluate(cell)
    monkeypatch.setattr(Method, "scoring_blocks", lambda self: None)
    monkeypatch.delattr("cadbench.methods.banks.memory_bank.SingleBank.scoring_blocks")
    plain = study().evaluate(cell)
    assert not shares(plain)
    assert_same_scores(plain, counted)


def test_metrics_follow_from_the_events(study):
    built = study()
    done = built.evaluate(built.cell("finetune", params=BUDGETS["finetune"]))
    scores = pd.DataFrame(
        {
            "experience": 1,
            "category": ["apple", "apple"],
            "label": [0, 1],
            "score": [0.0, 1.0],
            "route": -1,
        }
    )
    metrics = compute_metrics(scores, [["apple"]], "oracle", pd.DataFrame(done.events))
    rows = metrics[metrics["metric"] == "wrong_neighbor_rate"]
    assert rows["value"].tolist() == [1, 1]
    assert rows["t"].isna().tolist() == [False, True]


def test_a_method_cannot_record_shares_itself():
    with pytest.raises(PluginMistake, match="cadbench records this kind"):
        EventLog().record(WRONG_NEIGHBORS, {"rate": 0.0})
