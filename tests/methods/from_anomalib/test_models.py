"""The adapter to anomalib: its rules with a model of our own, and its models where it is there."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.conformance.report import check_method
from cadbench.benchmark.interface.experience import TestBatch
from cadbench.methods.from_anomalib import adapter as anomalib_adapter
from cadbench.methods.from_anomalib import models as anomalib_models
from cadbench.methods.from_anomalib.adapter import (
    LAYER,
    AnomalibMethod,
    AnomalibParams,
    seeded_globals,
)
from cadbench.results.errors import CadbenchError, UsageError
from torch import nn

MODELS = ("Padim", "Patchcore", "Dfm", "Dfkde")


class MeanModel(nn.Module):
    """As anomalib's: collects what its extractor gives while training, scores maps after."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.rand(dim))  # from the global state, as anomalib draws
        self.seen: list[torch.Tensor] = []

    def forward(self, images):
        maps = self.feature_extractor(images)[LAYER]
        if self.training:
            self.seen.append(maps)
            return maps
        distances = (maps - self.mean[:, None, None]).norm(dim=1, keepdim=True)
        distances = nn.functional.interpolate(distances, size=images.shape[-2:], mode="nearest")

        class Found:
            pred_score, anomaly_map = distances.amax((1, 2, 3)), distances

        return Found


class Mean(AnomalibMethod):
    """The mean of all patches."""

    Params = AnomalibParams

    def make(self, images):
        random.random()
        np.random.random()  # noqa: NPY002
        return MeanModel(self.context.feature_dim)

    def fit(self, model):
        if self.context.seed == 13:
            raise RuntimeError("it is singular\nand more")
        model.mean = torch.cat(model.seen).mean((0, 2, 3))


@pytest.fixture(autouse=True)
def installed(monkeypatch, request):
    if "anomalib" not in request.fixturenames:
        monkeypatch.setattr(anomalib_adapter, "installed_version", lambda: "0")


@pytest.fixture
def anomalib():
    """The library itself."""
    return pytest.importorskip("anomalib", reason="the extra is not installed")


def taught(experiences=3, seed=0, **params):
    stream = mock_stream(categories=3, side=3, dim=5)
    method = stream.build(Mean, stream.resolved(Mean, **params), seed=seed)
    for _, experience in zip(range(experiences), stream.experiences(), strict=False):
        method.observe(experience)
    return stream, method


def patches_of(stream, *categories: str) -> torch.Tensor:
    sources = [stream.features.patches(category, "train") for category in categories]
    return torch.cat([source.read(range(len(source.ids))) for source in sources])


@pytest.mark.parametrize(("regime", "first"), [("naive", 2), ("joint", 0)])
def test_a_regime_fits_the_newest_images_or_all(regime, first):
    stream, method = taught(regime=regime)
    seen = patches_of(stream, *stream.categories[first:])
    torch.testing.assert_close(method.fitted["mean"], seen.mean((0, 1)))
    asked = patches_of(stream, stream.categories[0])[:3]
    predicted = method.score(TestBatch(("a", "b", "c"), None, lambda: asked, lambda: asked))
    expected = (asked - seen.mean((0, 1))).norm(dim=2)
    torch.testing.assert_close(predicted.maps, expected.reshape(3, 3, 3))
    torch.testing.assert_close(predicted.image_scores, expected.amax(1))


def test_replay_adds_a_sample_of_earlier_images_whose_patches_are_memory():
    stream, before = taught(2, regime="replay", replay_images=3)
    kept = torch.from_numpy(before.stored).float()
    known = {image.numpy().tobytes() for image in patches_of(stream, *stream.categories[:2])}
    assert len({image.numpy().tobytes() for image in kept} & known) == 3
    _, method = taught(regime="replay", replay_images=3)
    whole = torch.cat([kept, patches_of(stream, stream.categories[2])])
    torch.testing.assert_close(method.fitted["mean"], whole.mean((0, 1)))
    report = method.memory()
    assert (report.scoring_vectors, report.stored_vectors) == (0, 3 * 9)
    assert report.stored_bytes == 5 * 4 + 3 * 9 * 5 * 2 + 3 * 8


def test_the_adapter_keeps_the_rules_whatever_a_model_does_to_global_generators():
    report = check_method(Mean, regime="replay", replay_images=5)
    assert report.passed, report


def test_global_generators_are_seeded_inside_and_left_as_they_were():
    def draw():
        return random.random(), np.random.random(), float(torch.rand(1))  # noqa: NPY002

    with seeded_globals(1):
        first = draw()
        with seeded_globals(1):
            assert draw() == first
        second = draw()
    with seeded_globals(1):
        assert (draw(), draw()) == (first, second)


def test_what_cannot_be_fitted_is_one_line():
    with pytest.raises(CadbenchError) as refused:
        taught(1, seed=13)
    assert str(refused.value) == "anomalib's Mean cannot be fitted to 8 images: it is singular"


@pytest.mark.parametrize("name", MODELS)
def test_without_the_extra_a_model_says_what_to_install(name, monkeypatch):
    monkeypatch.setattr(anomalib_adapter, "installed_version", lambda: None)
    kind = getattr(anomalib_models, name)
    with pytest.raises(UsageError) as refused:
        mock_stream().resolved(kind)
    assert str(refused.value) == (
        f"method anomalib:{name} needs anomalib, which is not installed; "
        "pip install 'cadbench[anomalib]'"
    )


@pytest.mark.parametrize("name", MODELS)
def test_anomalibs_models_keep_the_rules(name, anomalib):
    few = {"coreset_sampling_ratio": 0.02} if name == "Patchcore" else {}
    report = check_method(
        getattr(anomalib_models, name),
        **{"regime": "replay", "replay_images": 5, **few},
        only=["predictions", "determinism", "random_state", "state", "memory"],
    )
    assert report.passed, report


def test_anomalibs_padim_has_the_gaussians_of_ours(anomalib):
    from cadbench.methods.gaussian.padim import Padim

    stream = mock_stream(categories=1, side=4, dim=6)
    (experience,) = stream.experiences()
    ours, theirs = (stream.build(kind) for kind in (Padim, anomalib_models.Padim))
    ours.observe(experience)
    theirs.observe(experience)
    order = theirs.fitted["idx"]
    means = ours.moments.mean[:, order].T
    torch.testing.assert_close(theirs.fitted["gaussian.mean"], means, rtol=1e-4, atol=1e-4)
    scatter = ours.moments.scatter[:, order][:, :, order] / (ours.moments.count - 1)
    inverse = torch.linalg.inv(scatter.double() + 0.01 * torch.eye(6)).float()
    found = theirs.fitted["gaussian.inv_covariance"]
    torch.testing.assert_close(found, inverse, rtol=1e-2, atol=1e-2)
