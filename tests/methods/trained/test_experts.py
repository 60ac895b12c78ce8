"""Strategies with several networks: TAME's switching rule, and SEED's choice of an expert."""

from __future__ import annotations

import itertools

import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.conformance.report import check_method
from cadbench.benchmark.interface.context import MethodContext
from cadbench.methods.trained.experts.seed_like import divergence
from cadbench.methods.trained.experts.switching import SwitchingRule

from tests.methods.trained.training import CLASSES, QUICK, distance, first_batch, taught


@pytest.fixture
def events(monkeypatch):
    """The events that methods record: (kind, values)."""
    found = []
    monkeypatch.setattr(
        MethodContext, "record", lambda self, kind, **values: found.append((kind, values))
    )
    return found


def shown(rule, losses, untrained=8.0):
    """The expert that learns each batch, given the losses of the experts that there can be."""
    chosen = []
    for of_experts in losses:
        known = len(rule.experts)
        index = rule.choose(of_experts[:known])
        loss = untrained if index is None else of_experts[index]
        index = rule.add(loss) if index is None else index
        rule.learn(index, loss)
        chosen.append(index)
    return chosen


def test_the_threshold_is_the_mean_and_three_deviations_of_the_window():
    rule = SwitchingRule(window=2, smoothing=0.5, floor=0.0)
    shown(rule, [(), (3.0,), (1.0,), (3.0,)])
    # The last choice saw the window (3, 1): mean 2, deviation 1; smoothed 8, 5.5, 3.25, 3.125.
    assert rule.experts[0].threshold == 5.0
    assert rule.experts[0].smoothed == 3.125
    assert rule.experts[0].losses == [1.0, 3.0]


def test_a_stream_that_leaves_the_window_gets_a_new_expert_and_returns_to_the_old_one():
    rule = SwitchingRule(window=3, smoothing=1.0, floor=0.01)
    first = [(), *[(1.0, 5.0)] * 4]
    other = [(6.0, 5.0), *[(6.0, 1.0)] * 3]
    back = [(1.0, 6.0)] * 2
    assert shown(rule, [*first, *other, *back]) == [0] * 5 + [1] * 4 + [0] * 2
    again = SwitchingRule(window=3, smoothing=1.0, floor=0.01)
    again.restore(rule.state())
    assert again.state() == rule.state()


def test_the_floor_is_a_share_of_the_untrained_loss():
    for floor, expected in ((0.01, 0), (0.001, 1)):
        rule = SwitchingRule(window=2, smoothing=1.0, floor=floor)
        # Threshold 1 + 3 * floor * 8: 1.24 or 1.024.
        assert shown(rule, [(), (1.0,), (1.0,), (1.1,)])[-1] == expected


def test_tame_switches_at_new_categories_and_says_so(stream, events):
    options = {"epochs": 30, "window": 2, "smoothing": 1.0, "floor": 0.0}
    method = taught(stream, "feature_ae+tame", 3, **options)
    switches = [values for kind, values in events if kind == "switch"]
    batches = [values["expert"] for kind, values in events if kind == "batch"]
    assert len(batches) == 3 * 2
    assert len(switches) == sum(a != b for a, b in itertools.pairwise(batches))
    assert all(0 < each["image"] <= 4 for each in switches)
    assert all(each["smoothed"] > each["threshold"] for each in switches)
    assert len(method.experts) == 1 + sum(each["reason"] == "a new expert" for each in switches)
    assert len(method.experts) > 1


def test_tame_reads_no_category_name_and_never_has_more_experts_than_allowed(stream):
    options = {"window": 2, "smoothing": 1.0, "floor": 0.0}
    method = taught(stream, "feature_ae+tame", 3, max_experts=2, **options)
    assert len(method.experts) == 2
    batch = first_batch(stream, method)
    named = method.score(batch)
    batch.category = None
    assert torch.equal(named.route, method.score(batch).route)


def test_seed_like_fine_tunes_only_the_expert_of_the_largest_divergence(stream, events):
    one, two = (taught(stream, "feature_ae+seed_like", n, max_experts=2) for n in (2, 3))
    found = [values for kind, values in events if kind == "overlap"]
    (chosen,) = (each["expert"] for each in found if each["fine_tuned"])
    assert max(found, key=lambda each: each["divergence"])["expert"] == chosen
    for index, (before, after) in enumerate(zip(one.experts, two.experts, strict=True)):
        pairs = zip(before.state_dict().values(), after.state_dict().values(), strict=True)
        same = all(torch.equal(a, b) for a, b in pairs)
        assert same == (index != chosen)
    assert [len(each) for each in two.strategy_state["gaussians"]] == [3, 2]


def test_one_expert_without_distillation_is_naive_training(stream):
    naive = taught(stream, "feature_ae+naive", 3)
    one = taught(stream, "feature_ae+seed_like", 3, max_experts=1, seed_alpha=0)
    assert distance(naive, one) == 0
    held = taught(stream, "feature_ae+seed_like", 3, max_experts=1, seed_alpha=9.0)
    assert distance(naive, held) > 0


def test_divergence_is_that_of_torch():
    generator = torch.Generator().manual_seed(0)
    one, other = torch.rand((2, 2, 5), generator=generator) + 0.5
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(
        normal(one[0], one[1].sqrt()), normal(other[0], other[1].sqrt())
    ).sum()
    assert divergence(one, other) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "only"),
    [("feature_ae+tame", None), ("stfpm+seed_like", ["declaration", "state", "memory"])],
)
def test_conformance(name, only):
    few = mock_stream(train=2, test=2, side=4, dim=6)
    options = {**QUICK[name.split("+")[0]], "epochs": 1}
    report = check_method(CLASSES[name], stream=few, only=only, **options)
    assert report.passed, report


@pytest.mark.parametrize("detector", ["rd4ad", "vae"])
def test_seed_like_takes_predictions_that_are_vectors(stream, detector):
    method = taught(stream, f"{detector}+seed_like", 2)
    assert len(method.strategy_state["gaussians"]) == 2
