"""DNE with training: CutPaste copies, what is trained, and what is remembered."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.interface.context import MethodContext
from cadbench.methods.image_level.cutpaste import CutPaste
from cadbench.methods.image_level.dne_finetuned import DneFinetuned
from sklearn.covariance import LedoitWolf


def taught(experiences, **params):
    stream = mock_stream(categories=2, train=4, test=2, side=4, dim=6)
    method = stream.build(DneFinetuned, stream.resolved(DneFinetuned, **params))
    for _, experience in zip(range(experiences), stream.experiences(images=True), strict=False):
        method.observe(experience)
    return stream, method


def test_a_part_of_the_image_is_pasted_elsewhere():
    image = torch.arange(48 * 48).reshape(1, 48, 48).repeat(3, 1, 1)
    cutpaste = CutPaste()
    cutpaste.jitter = lambda part: part
    shares = []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(20):
            pasted = cutpaste.paste(image)
            changed = (pasted != image).any(0)
            assert set(pasted.unique().tolist()) <= set(image.unique().tolist())
            rows, columns = changed.any(1).nonzero(), changed.any(0).nonzero()
            box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
            shares.append(float(box) / 48**2)
            assert changed.sum() == box
    assert min(shares) > 0.015
    assert max(shares) < 0.16


def test_without_epochs_the_score_is_the_mahalanobis_distance_of_the_backbones_means():
    stream, method = taught(1, epochs=0)
    backbone = method.context.backbone()
    (experience,) = (each for each in stream.experiences(images=True) if each.index == 1)
    batch = next(iter(stream.test_batches(images=True)))[1]

    def embedded(images):
        maps = backbone.maps(images)
        means = torch.cat([each.mean((2, 3)) for each in maps], 1).double().numpy()
        return means / np.linalg.norm(means, axis=1, keepdims=True)

    fitted = LedoitWolf().fit(embedded(experience.images(experience.categories[0])[1]))
    expected = np.sqrt(fitted.mahalanobis(embedded(batch.images())))
    np.testing.assert_allclose(method.score(batch).image_scores, expected, rtol=1e-3)


def test_the_classifier_is_frozen_after_the_first_experience_and_the_network_counts():
    _, first = taught(1, epochs=1)
    _, second = taught(2, epochs=1)
    untrained = taught(1, epochs=0)[1]
    heads = [each.classifier.weight for each in (untrained, first, second)]
    assert not torch.equal(heads[0], heads[1])
    assert torch.equal(heads[1], heads[2])
    networks = [list(each.network.parameters()) for each in (untrained, first, second)]
    for one, other in pairwise(networks):
        assert not all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    weights = sum(value.nbytes for value in second.network.state_dict().values())
    gaussian = (14 + 14 * 14) * 4
    report = second.memory()
    assert report.scoring_bytes == gaussian + weights
    assert report.stored_bytes == 3 * gaussian + weights + (14 + 1) * 2 * 4


def test_training_tells_images_from_their_copies(monkeypatch):
    losses = []
    monkeypatch.setattr(MethodContext, "record", lambda _, kind, **values: losses.append(values))
    monkeypatch.setattr(CutPaste, "pairs", lambda _, images: (images, images // 4))
    taught(1, epochs=10, lr=0.05, batch_size=2)
    assert losses[-1]["loss"] < 0.5 * losses[0]["loss"]
