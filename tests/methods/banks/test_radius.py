"""`radius`: every bank knows the places of its vectors, and counts their bytes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.plugins.methods import load_method

SMALL = {
    "patchcore": {"class_budget": 30, "bank_budget": 70},
    "replay": {"class_budget": 30, "bank_budget": 60},
    "pooled": {"bank_budget": 60},
    "joint": {"class_budget": 30},
    "finetune": {"bank_budget": 30},
    "incremental_coreset": {"class_budget": 30, "bank_budget": 70},
    "per_category": {"class_budget": 30, "total_budget": 90},
    "mecad": {"class_budget": 30, "expert_budget": 50, "experts": 2, "threshold": 1.0},
}


@pytest.fixture(scope="module")
def stream():
    return mock_stream(categories=4, train=6, test=4, side=6, dim=24)


@pytest.mark.parametrize("name", SMALL)
def test_patches_are_compared_with_vectors_from_their_own_neighborhood(stream, name):
    kind = load_method(name)
    method = stream.build(kind, stream.resolved(kind, **SMALL[name], radius=1))
    patches = {}
    for experience in stream.experiences():
        method.observe(experience)
        for category in experience.categories:
            patches[category] = experience.patches(category)[1]
    (_, batch), *_ = stream.test_batches(routing="oracle")
    found = method.score(batch).maps.flatten(1)
    if name == "mecad":
        blocks = method.experts[method.owners[batch.category]].memory
    elif name == "per_category":
        blocks = [method.banks[method.categories.index(batch.category)]]
    else:
        blocks = method.bank
    place_of = {
        row.tobytes(): place
        for category in patches.values()
        for image in category.numpy()
        for place, row in enumerate(image)
    }
    stored = [
        (place_of[row.tobytes()], row.astype(np.float64))
        for block in blocks
        for row in block.vectors.numpy()
    ]
    for place, patch in enumerate(batch.patches[0].double().numpy()):
        near = [
            row
            for own, row in stored
            if max(abs(own // 6 - place // 6), abs(own % 6 - place % 6)) <= 1
        ]
        expected = min(math.dist(patch, row) for row in near or [row for _, row in stored])
        assert float(found[0, place]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", SMALL)
def test_places_count_as_memory_only_if_they_are_used(stream, name):
    kind = load_method(name)
    reports = []
    for radius in (-1, 2):
        method = stream.build(kind, stream.resolved(kind, **SMALL[name], radius=radius))
        for experience in stream.experiences():
            method.observe(experience)
        reports.append(method.memory())
    off, on = reports
    assert on.stored_vectors == off.stored_vectors
    assert on.stored_bytes - off.stored_bytes == off.stored_vectors  # 36 places fit into a byte
    assert on.scoring_bytes - off.scoring_bytes == off.scoring_vectors


def test_a_checkpoint_keeps_the_places(stream):
    kind = load_method("patchcore")
    params = stream.resolved(kind, **SMALL["patchcore"], radius=1)
    method, restored = (stream.build(kind, params) for _ in range(2))
    for experience in stream.experiences():
        method.observe(experience)
    restored.load_state_dict(method.state_dict())
    (_, batch), *_ = stream.test_batches(routing="oracle")
    assert torch.equal(restored.score(batch).maps, method.score(batch).maps)
