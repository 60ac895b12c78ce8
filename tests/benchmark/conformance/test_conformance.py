"""The conformance kit: good methods pass it, each broken one fails exactly the checks it should."""

from __future__ import annotations

import random
import sys
import tomllib
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.broken_mocks import broken_mocks, good_mocks
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.conformance.report import CHECKS, check_method
from cadbench.benchmark.plugins.methods import load_method
from cadbench.results.errors import UsageError

SMALL = {
    "finetune": {"bank_budget": 50},
    "patchcore": {"class_budget": 60, "bank_budget": 100},
    "replay": {"class_budget": 60, "bank_budget": 400},
    "pooled": {"bank_budget": 101},
    "joint": {"share": "greedy", "candidates": 90, "bank_budget": 100},
    "per_category": {"class_budget": 60, "router": "centroid"},
    "padim": {"dimensions": 4},
    "patchcore_cl": {"total_budget": 80},
    "incremental_coreset": {"bank_budget": 50, "class_budget": 20},
    "gcr": {"class_budget": 20},
    "padim_per_category": {"dimensions": 4},
    "dne": {},
    "dne_finetuned": {"epochs": 0},
    "ocsvm": {"budget": 20},
    "iuf": {"epochs": 1, "width": 4, "feedforward": 4, "pooling": 4, "batch_size": 64},
    "ucad": {"key_size": 8, "knowledge_size": 8},
    "mecad": {"class_budget": 60, "expert_budget": 100, "experts": 2, "categories_per_expert": 3},
}
"""The built-in methods, with budgets that the mock stream fills."""


@pytest.mark.parametrize("name", SMALL)
def test_the_built_in_methods_keep_the_rules(name):
    report = check_method(load_method(name), **SMALL[name])
    assert report.passed, report
    outcomes = {result.check: result.outcome for result in report.results}
    for check in ("declaration", "parameters", "state", "memory"):
        assert outcomes[check] == "passed", report


def test_every_built_in_method_is_checked():
    """Those with a `+` in tests/methods/trained/test_trained.py."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    names = project["project"]["entry-points"]["cadbench.methods"]
    assert {name for name in names if not set("+:") & set(name)} == set(SMALL)


@pytest.mark.parametrize("replay", ["full", "shrink"])
def test_mecads_other_replays_keep_the_rules(replay):
    report = check_method(
        load_method("mecad"), **SMALL["mecad"], replay=replay, only=["state", "memory", "claims"]
    )
    assert report.passed, report


OTHER = [
    ("replay", {"selector": "kmeans", "bank_budget": 160}, ["random_state", "state", "memory"]),
    ("mecad", {"assignment": "random"}, ["claims", "schedules"]),
    ("mecad", {"assignment": "given", "groups": "anchor/button+candle+funnel"}, ["state"]),
    ("mecad", {"router": "expert_gate"}, None),
    ("per_category", {"router": "expert_gate"}, ["state", "memory", "inferred"]),
    ("padim", {"keep": "newest"}, ["state", "memory", "claims"]),
    ("dne", {"pooling": "moments"}, ["state", "memory", "claims"]),
    ("dne_finetuned", {"epochs": 1}, ["state", "random_state"]),
    ("ocsvm", {"fit": "newest"}, ["state", "memory", "claims"]),
    ("ocsvm", {"fit": "per_category"}, ["state", "memory", "claims"]),
]
"""Parameters that change what is kept or who answers, and the checks that this concerns."""


@pytest.mark.parametrize(("name", "params", "only"), OTHER, ids=str)
def test_other_choices_keep_the_rules(name, params, only, monkeypatch):
    monkeypatch.setattr("cadbench.methods.routing.expert_gate._STEPS", 10)
    monkeypatch.setattr("cadbench.methods.routing.expert_gate._BATCH", 64)
    small = mock_stream(train=4, test=4, side=4, dim=24)
    report = check_method(load_method(name), only=only, stream=small, **{**SMALL[name], **params})
    assert report.passed, report


@pytest.mark.parametrize("kind", good_mocks(), ids=lambda kind: kind.__name__)
def test_good_mocks_pass(kind):
    report = check_method(kind)
    assert report.passed, report
    assert [result.check for result in report.results] == list(CHECKS)


@pytest.mark.parametrize(
    ("kind", "fails"), broken_mocks().items(), ids=[kind.__name__ for kind in broken_mocks()]
)
def test_a_broken_mock_fails_exactly_the_checks_that_find_it(kind, fails):
    report = check_method(kind)
    assert report.failed == fails, report
    assert all(result.reason for result in report.results if result.outcome != "passed")


def test_every_check_of_behavior_is_failed_by_some_mock():
    found = {check for fails in broken_mocks().values() for check in fails}
    assert found == set(CHECKS) - {"declaration", "leakage"}


def test_a_class_without_a_docstring_fails_its_declaration_and_nothing_else_is_tried():
    mock = good_mocks()[0]
    report = check_method(type("Nameless", (mock,), {"__module__": __name__, "__doc__": None}))
    assert report.failed == ("declaration",)
    assert {result.outcome for result in report.results[1:]} == {"skipped"}


def test_a_method_without_inferred_routing_says_so_in_the_report():
    report = check_method(good_mocks()[1], only=["inferred"])
    assert [(result.outcome, result.reason) for result in report.results] == [
        ("skipped", "the method has no inferred routing: routings = ('oracle',)")
    ]


def test_a_failure_says_what_was_raised_and_in_which_line():
    (kind,) = [kind for kind in broken_mocks() if kind.__name__ == "KnowsOnlyTheSeen"]
    (failed,) = [r for r in check_method(kind).results if r.outcome == "failed"]
    assert failed.reason.startswith("raised KeyError: 'button' (broken_mocks.py, line ")


def test_the_kit_leaves_global_generators_and_threads_as_they_were():
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
    threads = torch.get_num_threads()
    for kind in broken_mocks():
        if kind.__name__.startswith("Global"):
            check_method(kind)
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
    assert before == after
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"size": 0}, "parameter size: 0 is not a whole number at least 1"),
        ({"sise": 1}, "sise"),
        ({"only": ["stat"]}, "did you mean state"),
    ],
)
def test_wrong_parameters_and_unknown_checks_are_wrong_usage(asked, said):
    with pytest.raises(UsageError, match=said):
        check_method(good_mocks()[0], **asked)


def test_a_mock_stream_has_the_shapes_that_were_asked_for():
    stream = mock_stream(categories=3, train=5, test=4, side=4, dim=6)
    first, *others = stream.experiences("1x3", images=True)
    assert len(others) == 2
    ids, patches = first.patches("anchor")
    assert (len(ids), patches.shape, patches.dtype) == (5, (5, 16, 6), torch.float32)
    assert first.images("anchor")[1].shape == (5, 3, 32, 32)
    batches = list(stream.test_batches(routing="inferred", size=5))
    assert [len(batch) for _, batch in batches] == [5, 5, 2]
    assert {batch.category for _, batch in batches} == {None}
    assert {place for places, _ in batches for place in places} == {
        (category, row) for category in stream.categories for row in range(4)
    }
    assert mock_stream(seed=1).features.patches("anchor", "train").digest != (
        mock_stream().features.patches("anchor", "train").digest
    )


def test_defects_of_a_mock_stream_can_be_found():
    stream = mock_stream()
    method = stream.build(good_mocks()[0], stream.resolved(good_mocks()[0], size=200))
    for experience in stream.experiences():
        method.observe(experience)
    scores: dict[int, list[float]] = {0: [], 1: []}
    for places, batch in stream.test_batches():
        for (category, row), score in zip(places, method.score(batch).image_scores, strict=True):
            identity = stream.features.patches(category, "test").ids[row]
            items = stream.features.manifest.test(category)
            (label,) = [item.label for item in items if item.content == identity]
            scores[label].append(float(score))
    assert min(scores[1]) > max(scores[0])


def test_python_without_docstrings_does_not_fail_the_declaration(monkeypatch):
    finetune = load_method("finetune")
    monkeypatch.setattr(finetune, "__doc__", None)
    assert not check_method(finetune, only=["declaration"]).passed
    monkeypatch.setattr(sys, "flags", types.SimpleNamespace(optimize=2))
    assert check_method(finetune, only=["declaration"]).passed
