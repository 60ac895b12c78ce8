"""PaDiM's Gaussians against NumPy and SciPy, and what each reading of the stream keeps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.interface.experience import TestBatch
from cadbench.benchmark.plugins.methods import load_method
from cadbench.methods.gaussian.padim import Padim
from cadbench.methods.gaussian.padim_per_category import PadimPerCategory
from cadbench.methods.gaussian.patch_gaussians import Gaussians, Moments, moments_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis


def drawn(images: int, positions: int = 3, dim: int = 4, seed: int = 0) -> np.ndarray:
    """(B, P, d) patches far from zero, with values that go together."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(0, 1, (images, positions, dim)) @ rng.normal(0, 1, (dim, dim))
    return mixed + 50


def taught(kind, categories=3, routing="oracle", seed=0, **params):
    """The mock stream and the method after so many of its categories."""
    stream = mock_stream(categories=3, side=3, dim=6)
    method = stream.build(kind, stream.resolved(kind, **params), routing=routing, seed=seed)
    for _, experience in zip(range(categories), stream.experiences(), strict=False):
        method.observe(experience)
    return stream, method


def train_patches(stream, category: str) -> np.ndarray:
    source = stream.features.patches(category, "train")
    return source.read(range(len(source.ids))).double().numpy()


def asked(method, patches: np.ndarray, category: str | None = None):
    values = torch.from_numpy(patches).float()
    ids = tuple(str(number) for number in range(len(values)))
    return method.score(TestBatch(ids, category, lambda: values, lambda: values))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 99))
def test_merged_moments_are_those_of_all_images_together(sizes, seed):
    patches = drawn(sum(sizes), seed=seed)
    parts = np.split(patches, np.cumsum(sizes)[:-1])
    merged = moments_of(torch.from_numpy(part) for part in parts)
    assert merged.count == len(patches)
    for position in range(3):
        values = patches[:, position]
        np.testing.assert_allclose(merged.mean[position], values.mean(0))
        scatter = np.atleast_2d(np.cov(values.T, bias=True)) * len(values)
        np.testing.assert_allclose(merged.scatter[position], scatter, atol=1e-9)


def test_distances_are_scipys_mahalanobis_distances_to_the_gaussian_of_the_position():
    patches, asked_of = drawn(9), drawn(5, seed=1)
    gaussians = Gaussians.of(Moments.of(torch.from_numpy(patches)), 0.01)
    found = gaussians.distances(torch.from_numpy(asked_of).float())
    for position in range(3):
        values = patches[:, position]
        inverse = np.linalg.inv(np.cov(values.T) + 0.01 * np.eye(4))
        for image in range(5):
            expected = mahalanobis(asked_of[image, position], values.mean(0), inverse)
            assert float(found[image, position]) == pytest.approx(expected, rel=1e-4)


def test_a_single_image_has_the_regularisation_as_its_covariance():
    patches = torch.from_numpy(drawn(1))
    gaussians = Gaussians.of(Moments.of(patches), 0.04)
    away = patches.float() + 1
    torch.testing.assert_close(gaussians.distances(away), torch.full((1, 3), 2 / 0.2))


def slow_scores(patches: np.ndarray, train: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(B,) the largest Mahalanobis distance of each image, position by position."""
    distances = np.empty(patches.shape[:2])
    for position in range(patches.shape[1]):
        values = train[:, position][:, kept]
        inverse = np.linalg.inv(np.cov(values.T) + 0.01 * np.eye(len(kept)))
        for image, patch in enumerate(patches[:, position][:, kept]):
            distances[image, position] = mahalanobis(patch, values.mean(0), inverse)
    return distances.max(1)


@pytest.mark.parametrize(("keep", "categories"), [("all", (0, 1, 2)), ("newest", (2,))])
def test_sequential_padim_has_the_gaussians_of_all_experiences_or_of_the_newest(keep, categories):
    stream, method = taught(Padim, dimensions=4, keep=keep)
    seen = [train_patches(stream, stream.categories[index]) for index in categories]
    patches = train_patches(stream, stream.categories[0])[:4]
    kept = method.dimensions.numpy()
    assert len(kept) == 4
    expected = slow_scores(patches, np.concatenate(seen), kept)
    predicted = asked(method, patches)
    np.testing.assert_allclose(predicted.image_scores, expected, rtol=1e-4)
    np.testing.assert_allclose(predicted.maps.amax((1, 2)), expected, rtol=1e-4)


def test_padim_per_category_scores_with_the_gaussians_of_the_owner():
    stream, method = taught(PadimPerCategory, dimensions=5)
    for number, category in enumerate(stream.categories):
        train = train_patches(stream, category)
        predicted = asked(method, train[:3], category)
        expected = slow_scores(train[:3], train, method.dimensions.numpy())
        np.testing.assert_allclose(predicted.image_scores, expected, rtol=1e-4)
        assert predicted.route.tolist() == [number] * 3


def test_without_the_oracle_an_image_goes_where_its_mean_distance_is_lowest():
    stream, method = taught(PadimPerCategory, routing="inferred")
    mixed = np.concatenate([train_patches(stream, c)[:2] for c in reversed(stream.categories)])
    predicted = asked(method, mixed)
    assert predicted.route.tolist() == [2, 2, 1, 1, 0, 0]
    owned = [asked(method, mixed[[row]], stream.categories[2 - row // 2]) for row in range(6)]
    torch.testing.assert_close(predicted.maps, torch.cat([one.maps for one in owned]))


def test_dimensions_depend_on_the_seed_and_there_are_no_more_than_the_features_have():
    chosen = [taught(Padim, 0, seed=seed, dimensions=3)[1].dimensions.tolist() for seed in range(6)]
    assert taught(Padim, 0, seed=2, dimensions=3)[1].dimensions.tolist() == chosen[2]
    assert len({tuple(one) for one in chosen}) > 1
    assert all(one == sorted(set(one)) for one in chosen)
    assert taught(Padim, 0)[1].dimensions.tolist() == list(range(6))


def test_memory_is_the_bytes_of_the_gaussians_and_no_vectors():
    size = 9 * (6 + 6 * 6) * 4
    for categories in (1, 3):
        report = taught(Padim, categories)[1].memory()
        assert (report.stored_vectors, report.stored_bytes) == (0, size)
        report = taught(PadimPerCategory, categories)[1].memory()
        assert (report.scoring_vectors, report.stored_bytes) == (0, size * categories)
        assert [expert.stored_bytes for expert in report.experts] == [size] * categories


def test_the_defaults_are_the_sources_for_its_small_backbone():
    for name in ("padim", "padim_per_category"):
        params = load_method(name).Params()
        assert (params.dimensions, params.regularisation) == (100, 0.01)
