"""The evaluator: what is scored when, what is carried over, and that nothing leaks."""

from __future__ import annotations

import numpy as np
import pytest
from cadbench.benchmark.running.checkpoint import Checkpoint

from tests.benchmark.samples import BUDGETS, assert_same_scores


@pytest.mark.parametrize("method", BUDGETS)
@pytest.mark.parametrize("routing", ["oracle", "inferred"])
def test_every_built_in_method_scores_every_seen_category_after_each_experience(
    study, method, routing
):
    built = study()
    done = built.evaluate(built.cell(method, routing=routing, params=BUDGETS[method]))
    seen = [sorted(row) for row in done.rows]
    names = list(built.manifest.categories)
    assert seen == [names[:2], names[:3], names, names]
    for row in done.rows:
        for scored in row.values():
            assert np.isfinite(scored.scores).all()
            assert scored.scores.shape == (9,)


def test_scores_of_categories_that_a_method_does_not_claim_are_carried_over(study):
    built = study()
    done = built.evaluate(built.cell("per_category", params={"class_budget": 10}))
    assert done.rows[3]["apple"] is done.rows[0]["apple"]
    assert done.rows[3]["dial"] is not done.rows[2]["dial"]


@pytest.mark.parametrize(("unseen", "first_row"), [("none", 1), ("next", 2), ("all", 4)])
def test_unseen_says_which_categories_are_scored_before_they_are_introduced(
    study, unseen, first_row
):
    built = study()
    done = built.evaluate(built.cell("finetune", unseen=unseen))
    assert len(done.rows[0]) == first_row


def test_a_batch_size_or_order_of_test_images_changes_no_score(study, monkeypatch):
    built = study()
    cell = built.cell("mecad", routing="inferred", params={"class_budget": 20, "expert_budget": 60})
    whole = built.evaluate(cell)
    monkeypatch.setattr("cadbench.benchmark.running.evaluation.batches.BATCH_SIZE", 3)
    built.services.neighbors.forget()
    assert_same_scores(built.evaluate(cell), whole)


@pytest.mark.parametrize("method", ["mecad", "replay", "joint", "per_category"])
def test_a_run_continued_from_any_experience_ends_with_the_same_scores(study, tmp_path, method):
    built = study()
    cell = built.cell(method, params=BUDGETS[method])
    whole = built.evaluate(cell)
    for stop in (1, 2, 3):
        checkpoint = Checkpoint(tmp_path / f"stopped-{stop}", cell.key)

        def save_until(progress, checkpoint=checkpoint, stop=stop):
            if progress.experience <= stop:
                checkpoint.save(progress)

        built.evaluate(cell, checkpoint=save_until)
        begun = checkpoint.load(built.features.device)
        assert begun.experience == stop
        resumed = built.evaluate(cell, progress=begun)
        assert resumed.events == whole.events
        assert resumed.memory == whole.memory
        assert_same_scores(resumed, whole)
        for category, maps in whole.maps[-1].items():
            np.testing.assert_array_equal(maps, resumed.maps[-1][category])


def test_similarities_of_categories_are_recorded_beside_assignments(study):
    built = study()
    done = built.evaluate(built.cell("per_category", params={"class_budget": 10}, schedule="2x2"))
    found = [event for event in done.events if event["kind"] == "similarity"]
    names = list(built.manifest.categories)
    assert [(e["experience"], e["category"], e["other"]) for e in found] == [
        (1, names[1], names[0]),
        *((2, names[2], other) for other in names[:2]),
        *((2, names[3], other) for other in names[:3]),
    ]
    means = {}
    for category in names:
        source = built.features.patches(category, "train")
        means[category] = source.read(range(len(source.ids))).double().flatten(0, 1).mean(0)
    for event in found:
        one, other = means[event["category"]], means[event["other"]]
        cosine = float(one @ other / (one.norm() * other.norm()))
        assert event["similarity"] == pytest.approx(cosine, abs=1e-9)
    bank = built.evaluate(built.cell("finetune", params={"bank_budget": 20}))
    similar = [event for event in bank.events if event["kind"] == "similarity"]
    assert not similar, "a method that assigns nothing needs none"
