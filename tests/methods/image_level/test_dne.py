"""DNE: what is remembered of an experience, and the Gaussian that scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.interface.experience import TestBatch
from cadbench.methods.image_level.dne import (
    Distribution,
    Dne,
    fit_distribution,
    merge_moments,
    normalize_rows,
    precision,
)
from sklearn.covariance import LedoitWolf


def taught(schedule="1x*", experiences=3, seed=0, **params):
    stream = mock_stream(categories=3, side=3, dim=5)
    method = stream.build(Dne, stream.resolved(Dne, **params), seed=seed)
    for _, experience in zip(range(experiences), stream.experiences(schedule), strict=False):
        method.observe(experience)
    return stream, method


def embeddings(stream, *categories: str) -> np.ndarray:
    """(n, D) mean patches of training images, of length 1."""
    sources = [stream.features.patches(category, "train") for category in categories]
    means = [s.read(range(len(s.ids))).double().mean(1).numpy() for s in sources]
    every = np.concatenate(means)
    return every / np.linalg.norm(every, axis=1, keepdims=True)


def test_after_one_experience_the_score_is_the_mahalanobis_distance_by_scikit_learn():
    stream, method = taught(experiences=1)
    known = LedoitWolf().fit(embeddings(stream, stream.categories[0]))
    source = stream.features.patches(stream.categories[1], "test")
    patches = source.read(range(4))
    predicted = method.score(TestBatch(source.ids[:4], None, lambda: patches, lambda: patches))
    means = patches.double().mean(1).numpy()
    expected = np.sqrt(known.mahalanobis(means / np.linalg.norm(means, axis=1, keepdims=True)))
    np.testing.assert_allclose(predicted.image_scores, expected, rtol=1e-4)
    assert predicted.maps is None


def test_of_each_experience_count_mean_and_shrunk_covariance_are_remembered():
    stream, method = taught(schedule="2-1", experiences=2)
    first = embeddings(stream, *stream.categories[:2])
    known = LedoitWolf().fit(first)
    held = method.distributions[0]
    assert [one.count for one in method.distributions] == [len(first), len(first) // 2]
    np.testing.assert_allclose(held.mean, known.location_, atol=1e-6)
    np.testing.assert_allclose(held.covariance, known.covariance_, atol=1e-7)


def test_the_past_is_drawn_from_its_gaussian_as_often_as_it_had_images():
    stream, method = taught(experiences=2)
    old, new = method.distributions[0], embeddings(stream, stream.categories[1])
    draws = method._sample(0, old)
    assert draws.shape == (old.count, 5)
    assert not np.array_equal(draws, taught(experiences=2, seed=1)[1]._sample(0, old))
    many = method._sample(0, Distribution(20_000, old.mean, old.covariance))
    np.testing.assert_allclose(many.mean(0), old.mean, atol=0.01)
    np.testing.assert_allclose(np.cov(many.T), old.covariance, atol=0.05 * old.covariance.max())

    begun = taught(experiences=1)[1]
    drawn = begun._sample(0, old)
    whole = LedoitWolf().fit(np.concatenate([normalize_rows(drawn), new]))
    np.testing.assert_allclose(method.mean, whole.location_, atol=1e-6)
    np.testing.assert_allclose(method.precision, whole.precision_, rtol=1e-3)


def test_pooled_moments_are_those_of_the_mixture():
    rng = np.random.default_rng(0)
    parts = [rng.normal(shift, 1 + shift, (n, 3)) for shift, n in ((0, 20), (1, 50), (4, 7))]
    known = [Distribution(len(part), part.mean(0), np.cov(part.T, bias=True)) for part in parts]
    pooled = merge_moments(known)
    whole = np.concatenate(parts)
    assert pooled.count == 77
    np.testing.assert_allclose(pooled.mean, whole.mean(0), rtol=1e-5)
    np.testing.assert_allclose(pooled.covariance, np.cov(whole.T, bias=True), rtol=1e-5)


def test_pooling_moments_draws_nothing():
    a, b = (taught(seed=seed, pooling="moments")[1] for seed in (0, 1))
    np.testing.assert_array_equal(a.precision, b.precision)
    np.testing.assert_allclose(
        a.precision, precision(merge_moments(a.distributions).covariance), rtol=1e-6
    )


def test_equal_images_have_a_distribution_too():
    same = fit_distribution(np.ones((4, 3)))
    assert not same.covariance.any()
    assert np.isfinite(precision(same.covariance)).all()


@pytest.mark.parametrize("experiences", [1, 3])
def test_memory_grows_by_a_mean_and_a_covariance_an_experience(experiences):
    report = taught(experiences=experiences)[1].memory()
    one = (5 + 25) * 4
    assert (report.scoring_bytes, report.stored_bytes) == (one, one * (1 + experiences))
    assert (report.scoring_vectors, report.stored_vectors) == (0, 0)


def test_rows_of_zeros_stay_when_they_are_scaled():
    np.testing.assert_array_equal(
        normalize_rows(np.array([[0.0, 0.0], [3.0, 4.0]])), [[0, 0], [0.6, 0.8]]
    )
    assert torch.from_numpy(normalize_rows(np.zeros((1, 2)))).isfinite().all()
