"""A router is one class and one entry of the registry; methods with experts need no change."""

from __future__ import annotations

import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.conformance.report import check_method
from cadbench.benchmark.interface.params import specs
from cadbench.benchmark.plugins.methods import load_method
from cadbench.methods.routing.registry import ROUTERS
from cadbench.methods.routing.router import Router

SMALL = {
    "mecad": {"class_budget": 20, "experts": 3, "threshold": 1.0},
    "per_category": {"class_budget": 20},
}


class NearestTrainingMean(Router):
    """A router that is trained: it stores the mean patch of each category of an expert."""

    def __init__(self, context):
        super().__init__(context)
        self.means = {}

    def learn(self, expert, experience, category, memory):
        mean = torch.from_numpy(self.context.coresets.centroid(experience, category))
        self.means.setdefault(expert, {})[category] = mean.to(self.context.device)

    def route(self, batch, candidates):
        images = batch.patches.double().mean(1)
        nearest = [
            torch.cdist(images, torch.stack(list(self.means[expert].values()))).amin(1)
            for expert in candidates.experts
        ]
        return torch.stack(nearest).argmin(0)

    def nbytes(self, expert):
        return sum(mean.nbytes for mean in self.means[expert].values())

    def state_dict(self):
        return {str(expert): dict(means) for expert, means in self.means.items()}

    def load_state_dict(self, state):
        self.means = {int(expert): dict(means) for expert, means in state.items()}


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(ROUTERS, "toy", NearestTrainingMean)
    return "toy"


@pytest.fixture(scope="module")
def stream():
    return mock_stream(categories=4, train=6, test=4, side=6, dim=24)


@pytest.mark.parametrize("name", ["mecad", "per_category"])
def test_the_choices_of_the_parameter_are_the_registered_routers(name, toy):
    (spec,) = (spec for spec in specs(load_method(name).Params) if spec.name == "router")
    assert list(spec.choices) == [*ROUTERS]
    assert spec.parse(toy) == toy
    assert spec.accepts == f"one of {', '.join(ROUTERS)}"


@pytest.mark.parametrize("name", ["mecad", "per_category"])
def test_a_new_router_is_trained_routes_images_and_counts_as_memory(name, toy, stream):
    kind = load_method(name)
    routed, plain = (
        stream.build(kind, stream.resolved(kind, **SMALL[name], router=router), routing="inferred")
        for router in (toy, "nearest_mean")
    )
    for method in (routed, plain):
        for experience in stream.experiences():
            method.observe(experience)
    owners = {c: e.expert for e in routed.memory().experts for c in e.categories}
    for places, images in stream.test_batches(routing="inferred"):
        routes = routed.score(images).route.tolist()
        assert routes == [owners[category] for category, _ in places]
    for new, old in zip(routed.memory().experts, plain.memory().experts, strict=True):
        assert new.stored_bytes - old.stored_bytes == len(new.categories) * 24 * 8
        assert new.scoring_bytes - old.scoring_bytes == len(new.categories) * 24 * 8


@pytest.mark.parametrize("name", ["mecad", "per_category"])
def test_a_new_router_is_restored_from_a_checkpoint(name, toy):
    small = mock_stream(train=4, test=4, side=4, dim=64)
    report = check_method(
        load_method(name), only=["state", "memory"], stream=small, **SMALL[name], router=toy
    )
    assert report.passed, report
