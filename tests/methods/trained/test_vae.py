"""The variational autoencoder: its loss, its map, and what it generates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.conformance.report import check_method
from cadbench.methods.trained import feature_ae
from cadbench.methods.trained.networks.variational import VariationalAutoencoder, resized
from cadbench.results.errors import UsageError
from torch.distributions import Normal, kl_divergence

from tests.methods.trained.training import CLASSES, QUICK, built, first_batch, taught


def test_the_loss_is_squared_error_plus_the_divergence_from_the_target():
    torch.manual_seed(0)
    network = VariationalAutoencoder(16, 4, beta=3.0).eval()
    images = torch.rand(2, 3, 32, 32)
    predicted, targets = network.predictions(images), network.targets(images)
    # Another target than the prior: the codes of an old network.
    targets = [targets[0], torch.randn(2, 4), torch.randn(2, 4)]
    with torch.no_grad():
        loss = network.errors(predicted, targets).square().sum(1)
    one, other = (Normal(mean, (log / 2).exp()) for _, mean, log in (predicted, targets))
    squared = (predicted[0] - resized(images, 16)).square().sum((1, 2, 3))
    expected = (squared + 3 * kl_divergence(one, other).sum(1)) / (3 * 16 * 16)
    torch.testing.assert_close(loss, expected)


def test_a_code_that_is_the_prior_has_gradients_of_zero():
    network = VariationalAutoencoder(16, 4, beta=1.0)
    torch.nn.init.zeros_(network.encoder[-1].weight)
    torch.nn.init.zeros_(network.encoder[-1].bias)
    images = torch.rand(2, 3, 16, 16)
    predicted, targets = network.predictions(images), network.targets(images)
    network.errors([images, *predicted[1:]], targets).square().sum().backward()
    assert float(network.encoder[-1].bias.grad.abs().max()) < 1e-6


def test_image_scores_are_mean_squared_errors(stream):
    method = taught(stream, "vae+naive", 1)
    batch = first_batch(stream, method)
    images = resized(batch.images().float() / 255, 16)
    with torch.no_grad():
        errors = (method.network.predictions(images)[0] - images).square().mean((1, 2, 3))
    np.testing.assert_allclose(method.score(batch).image_scores, errors, rtol=1e-5)


def test_generated_images_of_the_old_network_are_replayed(stream, monkeypatch):
    method = taught(stream, "vae+generative", 1)
    old = {name: value.clone() for name, value in method.network.state_dict().items()}
    seen, made = [], []
    forward, generate = VariationalAutoencoder.forward, VariationalAutoencoder.generate

    def recorded(network, count):
        assert all(torch.equal(value, old[name]) for name, value in network.state_dict().items())
        made.extend(generate(network, count))
        return made[-count:]

    monkeypatch.setattr(
        VariationalAutoencoder, "generate", lambda network, n: torch.stack(recorded(network, n))
    )
    monkeypatch.setattr(
        VariationalAutoencoder, "forward", lambda net, x: (seen.extend(x), forward(net, x))[1]
    )
    (experience,) = (e for e in stream.experiences(images=True) if e.index == 2)
    method.observe(experience)
    assert len(made) == 4
    assert len(seen) == 8
    assert sum(any(torch.equal(one, each) for each in made) for one in seen) == 4
    assert method.memory().stored_bytes == method.memory().scoring_bytes


def test_only_detectors_that_generate_have_generative_replay():
    with pytest.raises(AttributeError, match="FeatureAEGenerative"):
        feature_ae.FeatureAEGenerative  # noqa: B018


def test_a_side_that_cannot_be_halved_is_an_error(stream):
    with pytest.raises(UsageError, match="side: 40 is not a multiple of 16"):
        built(stream, "vae+naive", side=40)


@pytest.mark.parametrize("name", ["vae+generative", "crad+replay"])
def test_conformance(name):
    report = check_method(
        CLASSES[name],
        stream=mock_stream(categories=2, train=2, test=2, side=4, dim=6),
        only=["declaration", "parameters", "state", "memory"],
        **QUICK[name.split("+")[0]],
    )
    assert report.passed, report
