"""Banks that share one budget, and the named configurations of `per_category`."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.plugins.methods import load_method


@pytest.fixture(scope="module")
def stream():
    return mock_stream(categories=4, train=6, test=4, side=6, dim=24)


def plain_greedy(vectors: torch.Tensor, size: int) -> torch.Tensor:
    """Greedy k-center from the first vector, as in the algorithm of PatchCoreCL."""
    picks = [0]
    while len(picks) < size:
        distances = torch.cdist(vectors, vectors[picks]).amin(1)
        picks.append(int(distances.argmax()))
    return vectors[picks]


def test_after_each_experience_every_bank_is_selected_again_to_its_share(stream):
    kind = load_method("per_category")
    method = stream.build(kind, stream.resolved(kind, total_budget=61))
    expected = []
    for count, experience in enumerate(stream.experiences(), start=1):
        changed = method.observe(experience)
        share = 61 // count
        (category,) = experience.categories
        coreset = method.context.coresets.select(experience, category, share)
        expected = [plain_greedy(bank, share) for bank in expected] + [coreset.vectors.double()]
        assert changed == frozenset(method.categories)
        for bank, vectors in zip(method.banks, expected, strict=True):
            np.testing.assert_array_equal(bank.vectors.numpy(), vectors.numpy())
        report = method.memory()
        assert report.stored_vectors == count * share
        assert {expert.utilization for expert in report.experts} == {1.0}


def test_matched_memory_sets_the_budget_that_is_in_use():
    kind = load_method("per_category")
    assert kind.with_memory(kind.Params(total_budget=50), 900, 3).total_budget == 900
    assert kind.with_memory(kind.Params(), 900, 3).class_budget == 300
    assert kind.Params().as_dict() == {"class_budget": 400, "router": "nearest_mean"}


@pytest.mark.parametrize(
    ("name", "params"),
    [
        (
            "gcr",
            {
                "class_budget": 196,
                "router": "nearest_squares",
                "patch_score": "lse",
                "lse_neighbors": 16,
                "image_score": "top",
                "top_share": 0.01,
            },
        ),
        (
            "patchcore_cl",
            {"total_budget": 30_000, "image_score": "reweighted", "reweight_neighbors": 3},
        ),
    ],
)
def test_a_named_configuration_scores_as_per_category_with_its_parameters(stream, name, params):
    small = {"class_budget": 20} if name == "gcr" else {"total_budget": 60}
    scores = []
    for kind, given in (("per_category", params | small), (name, small)):
        kind = load_method(kind)
        method = stream.build(kind, stream.resolved(kind, **given), routing="inferred")
        for experience in stream.experiences():
            method.observe(experience)
        batches = stream.test_batches(routing="inferred")
        scores.append(torch.cat([method.score(batch).image_scores for _, batch in batches]))
    assert torch.equal(*scores)
    assert params.items() <= kind.Params().as_dict().items()
