"""Reverse distillation: its loss, its maps, and the layers that it needs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.methods.trained.networks.reverse_distillation import ReverseDistillation
from cadbench.methods.trained.networks.teacher import Teacher
from cadbench.results.errors import UsageError

from tests.methods.trained.training import first_batch, taught


def cosine(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("decoder", ["small", "wide"])
def test_loss_and_maps_are_cosine_distances_to_the_features(stream, decoder):
    method = taught(stream, "rd4ad+naive", 1, decoder=decoder)
    batch = first_batch(stream, method)
    images = batch.images().float() / 255
    with torch.no_grad():
        features = method.context.backbone().maps(images)
        restored = method.network.restored(features)
        loss = method.network(images).square().sum(1)
    assert [layer.shape for layer in restored] == [layer.shape for layer in features]
    expected, total = 0.0, 0.0
    for mine, theirs in zip(restored, features, strict=True):
        a, b = mine.numpy(), theirs.numpy()
        expected = expected + 1 - cosine(a.reshape(len(a), -1), b.reshape(len(b), -1))
        places = torch.from_numpy(1 - cosine(a, b))[:, None]
        finer = torch.nn.Upsample(size=method.context.grid, mode="bilinear", align_corners=True)
        total = total + finer(places)[:, 0].numpy()
    np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-4)
    np.testing.assert_allclose(method.score(batch).maps.numpy(), total, rtol=1e-3, atol=1e-5)


def test_training_lowers_the_loss(stream):
    losses = []
    for epochs in (1, 15):
        method = taught(stream, "rd4ad+naive", 1, epochs=epochs)
        images = first_batch(stream, method).images().float() / 255
        with torch.no_grad():
            losses.append(float(method.network(images).square().sum(1).mean()))
    assert losses[1] < 0.8 * losses[0]


def test_layers_whose_strides_do_not_double_are_an_error():
    class Backbone:
        channels, strides = (4, 8), (8, 8)

    with pytest.raises(UsageError, match=r"twice the stride .* strides 8, 8"):
        ReverseDistillation(Teacher(Backbone(), normalize=False), wide=False)
