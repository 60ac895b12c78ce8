"""IUF: the category head, the conditions, compression, projection, and averaged weights."""

from __future__ import annotations

import copy
import functools

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.conformance.report import check_method
from cadbench.methods.trained.transformers.constrained_steps import projection
from cadbench.methods.trained.transformers.iuf import IUF
from cadbench.methods.trained.transformers.semantic_losses import small_singular_values

from tests.methods.trained.training import training_patches

SMALL = {"epochs": 2, "width": 4, "feedforward": 4, "pooling": 1}


@functools.cache
def learned(stream, count, **params):
    method = stream.build(IUF, stream.resolved(IUF, **{**SMALL, **params}))
    for experience, _ in zip(stream.experiences(), range(count), strict=False):
        method.observe(experience)
    return method


def weights(method):
    """All parameters but those of the category head, which grows."""
    named = method.network.named_parameters()
    return torch.cat([value.detach().flatten() for name, value in named if "head" not in name])


def test_the_head_has_an_output_per_category_seen_and_grows(stream):
    outputs = [learned(stream, count).network.objects.head.out_features for count in (1, 2)]
    assert outputs == [1, 2]
    assert learned(stream, 1, head=12).network.objects.head.out_features == 12
    network = copy.deepcopy(learned(stream, 2).network)
    old = network.objects.head.weight.detach().clone()
    network.grow_head(4)
    assert torch.equal(network.objects.head.weight[:2], old)


def test_conditions_multiply_the_queries_and_only_labels_train_the_classifier(stream):
    network = copy.deepcopy(learned(stream, 1).network)
    patches = training_patches(stream, stream.categories[0])
    seen = []
    network.encoder[0].attention.register_forward_hook(lambda _, inputs, __: seen.append(inputs))
    network(patches).square().sum().backward()
    ((query, key, *_),) = seen
    torch.testing.assert_close(query, key * network.objects(patches)[1][0])
    assert all(value.grad is None for value in network.objects.parameters())


def test_compression_is_the_share_of_the_small_singular_values():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(6, 5, generator=generator, dtype=torch.float64)
    rows = (rows * torch.tensor([9, 3, 1, 0.02, 0.01])).requires_grad_()
    values = np.linalg.svd(rows.detach().numpy(), compute_uv=False)
    shares = values / values.sum()
    assert 0 < (shares < 0.1 / 5).sum() < 5
    loss = small_singular_values(rows)
    assert float(loss.detach()) == pytest.approx(shares[shares < 0.1 / 5].sum())
    loss.backward()
    assert float(rows.grad.abs().max()) > 0


def test_a_projected_gradient_loses_the_strong_directions_of_old_outputs():
    generator = torch.Generator().manual_seed(0)
    outputs, gradient = (
        torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((20, 4), (4, 3))
    )
    outputs *= torch.tensor([4, 3, 2, 1])
    _, _, directions = np.linalg.svd(outputs.numpy())
    shares = np.log(np.arange(4) + 1) / np.log(4)
    expected = directions.T @ (shares[:, None] * (directions @ gradient.numpy()))
    matrix = projection(outputs.mT @ outputs)
    np.testing.assert_allclose((matrix @ gradient).numpy(), expected)
    assert np.abs(directions[0] @ expected).max() < 1e-12


def test_steps_never_move_feed_forward_weights_along_the_strongest_direction(stream):
    start = learned(stream, 1)
    moved = {}
    for mode in ("log", "off"):
        after = learned(stream, 2, projection=mode)
        layer = after.network.decoder[0].feedforward.second.weight.detach()
        change = layer - start.network.decoder[0].feedforward.second.weight.detach()
        moment = start.strategy_state["moments"]["decoder.0.feedforward.second"]
        strongest = torch.linalg.eigh(moment)[1][:, -1].float()
        moved[mode] = float((strongest @ change).abs().max())
    assert moved["log"] < 1e-5 < moved["off"]


def test_old_weights_are_mixed_in_before_each_step(stream):
    moved = weights(learned(stream, 2, average=1.0)) - weights(learned(stream, 1))
    assert 0 < float(moved.norm()) <= 0.1 + 1e-5  # one clipped step at a rate of 1


def test_the_strategy_stores_one_matrix_per_feed_forward_layer(stream):
    report = learned(stream, 2).memory()
    assert report.stored_bytes - report.scoring_bytes == 2 * 4 * 4 * 8
    report = learned(stream, 2, projection="off").memory()
    assert report.stored_bytes == report.scoring_bytes


def test_compression_changes_the_first_experience(stream):
    without = learned(stream, 1, compression=0.0)
    assert not torch.equal(weights(without), weights(learned(stream, 1)))


def test_all_losses_work_in_mixed_precision(stream):
    exact, mixed = (weights(learned(stream, 2, **each)) for each in ({}, {"precision": "mixed"}))
    assert 0 < float((mixed - exact).norm()) < 0.3 * float(exact.norm())


def test_a_restored_method_learns_and_scores_like_one_that_was_not_interrupted():
    only = ["declaration", "random_state", "state"]
    few = mock_stream(train=2, test=2, side=4, dim=6)
    report = check_method(IUF, stream=few, only=only, **{**SMALL, "epochs": 1})
    assert report.passed, report
