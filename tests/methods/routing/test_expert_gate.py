"""Expert Gate: the reconstruction error, its training, and routing by it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.interface.experience import TestBatch
from cadbench.benchmark.plugins.methods import load_method
from cadbench.methods.routing import expert_gate
from cadbench.methods.routing.expert_gate import HIDDEN, ExpertGate, Gate, train_gate
from cadbench.methods.routing.router import Candidates


@pytest.fixture(scope="module")
def stream():
    return mock_stream(categories=4, train=6, test=4, side=6, dim=24)


@pytest.fixture
def short(monkeypatch):
    """Short training."""
    monkeypatch.setattr(expert_gate, "_STEPS", 60)
    monkeypatch.setattr(expert_gate, "_BATCH", 128)


_ids = itertools.count()


def batch(patches: torch.Tensor) -> TestBatch:
    ids = tuple(str(next(_ids)) for _ in patches)
    return TestBatch(ids, None, lambda: patches, lambda: patches)


def test_the_error_is_the_divergence_of_squashed_patches_and_their_reconstructions():
    rng = np.random.default_rng(0)
    shapes = {"mean": 5, "deviation": 5, "encoder": (5, 2), "encoder_bias": 2,
              "decoder": (2, 5), "decoder_bias": 5}  # fmt: skip
    w = {name: rng.uniform(0.2, 1, shape) for name, shape in shapes.items()}
    patches = rng.normal(0, 1, (3, 4, 5))

    def squash(values):
        return 1 / (1 + np.exp(-values))

    squashed = squash((patches - w["mean"]) / w["deviation"])
    hidden = np.maximum(squashed @ w["encoder"] + w["encoder_bias"], 0)
    made = squash(hidden @ w["decoder"] + w["decoder_bias"])
    divergence = squashed * np.log(squashed / made)
    divergence += (1 - squashed) * np.log((1 - squashed) / (1 - made))
    gate = Gate({name: torch.from_numpy(value).float() for name, value in w.items()})
    got = gate.errors(batch(torch.from_numpy(patches).float()))
    np.testing.assert_allclose(got, divergence.sum(2).mean(1), rtol=1e-5)


def test_the_lowest_error_wins_and_the_lowest_expert_on_ties(stream):
    class Fixed:
        def __init__(self, *errors):
            self.values = torch.tensor(errors)

        def errors(self, _):
            return self.values

    router = ExpertGate(stream.build(load_method("finetune")).context)
    router.gates = {4: Fixed(1.0, 2.0, 3.0), 0: Fixed(2.0, 2.0, 1.0), 2: Fixed(3.0, 3.0, 3.0)}
    candidates = Candidates([0, 2, 4], torch.zeros(3, 3, 1))
    assert router.route(batch(torch.zeros(3, 1, 1)), candidates).tolist() == [2, 0, 0]


def gate_of(stream, category, memory=(), seed=0):
    method = stream.build(load_method("finetune"), seed=seed)
    for experience in stream.experiences():
        if category in experience.categories:
            return train_gate(method.context, experience, category, memory)
    raise AssertionError(category)


def mean_errors(stream, gate):
    errors = {}
    for places, images in stream.test_batches():
        for (category, _), error in zip(places, gate.errors(images), strict=True):
            errors.setdefault(category, []).append(float(error))
    return {category: np.mean(values) for category, values in errors.items()}


def test_training_lowers_the_error_on_its_own_category_below_that_of_others(
    stream, short, monkeypatch
):
    own = stream.categories[0]
    trained = mean_errors(stream, gate_of(stream, own))
    assert min(trained, key=trained.__getitem__) == own
    assert trained[own] < min(trained[other] for other in stream.categories[1::2]) / 2
    monkeypatch.setattr(expert_gate, "_STEPS", 0)
    assert trained[own] < 0.9 * mean_errors(stream, gate_of(stream, own))[own]


def test_the_gate_is_undercomplete_and_depends_on_the_seed_but_not_on_global_generators(
    stream, short
):
    torch.manual_seed(1)
    one = gate_of(stream, stream.categories[0])
    torch.manual_seed(2)
    two = gate_of(stream, stream.categories[0])
    other = gate_of(stream, stream.categories[0], seed=1)
    assert one.weights["encoder"].shape[1] == min(HIDDEN, 24 // 2)
    for name in one.weights:
        assert torch.equal(one.weights[name], two.weights[name])
    assert not torch.equal(one.weights["encoder"], other.weights["encoder"])


def test_a_gate_is_also_trained_on_stored_vectors_of_older_categories(stream, short):
    first, second = stream.categories[:2]  # of different kinds
    for experience in stream.experiences():
        if first in experience.categories:
            coresets = stream.services().coresets
            memory = [coresets.select(experience, first, 40)]
    with_memory, without = gate_of(stream, second, memory), gate_of(stream, second)
    ((_, images),) = stream.test_batches([first], size=99)
    assert with_memory.errors(images).max() < without.errors(images).min()


@pytest.mark.parametrize("name", ["mecad", "per_category"])
def test_images_are_routed_to_the_expert_of_their_category_and_gates_count_as_memory(
    stream, short, name
):
    kind = load_method(name)
    params = {"class_budget": 40, **({"experts": 4, "threshold": 1.0} if name == "mecad" else {})}
    gated, plain = (
        stream.build(kind, stream.resolved(kind, **params, router=router), routing="inferred")
        for router in ("expert_gate", "nearest_mean")
    )
    for method in (gated, plain):
        for experience in stream.experiences():
            method.observe(experience)
    right = [
        int(route) == stream.categories.index(category)
        for places, images in stream.test_batches(routing="inferred")
        for (category, _), route in zip(places, gated.score(images).route, strict=True)
    ]
    assert np.mean(right) > 0.9
    size = 4 * (2 * 24 + 2 * 24 * 12 + 12 + 24)
    more = gated.memory().stored_bytes - plain.memory().stored_bytes
    assert more == gated.memory().scoring_bytes - plain.memory().scoring_bytes == 4 * size
    assert gated.memory().stored_vectors == plain.memory().stored_vectors
