"""The features of a dataset: extracted once, found again, and read by category and split."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from cadbench.benchmark.features.feature_set import FeatureSet
from cadbench.benchmark.features.weights import Weights
from cadbench.benchmark.system.reporting import Silent
from cadbench.results.errors import CadbenchError

from tests.conftest import pixel_features

NO_WEIGHTS = Weights("0" * 64)


def ensure(features, categories=None, *, pixels=False):
    features.ensure(categories or features.manifest.categories, NO_WEIGHTS, Silent(), pixels=pixels)


def reopened(features, **changes):
    """The same features as another process would open them."""
    return FeatureSet(
        features.manifest,
        dataclasses.replace(features.spec, **changes),
        features.device,
        features.cache,
    )


def test_patches_are_those_of_the_images_that_the_manifest_lists(study):
    features = study().features
    for split in ("train", "test"):
        items = getattr(features.manifest, split)("bolt")
        source, pixels = features.patches("bolt", split), features.pixels("bolt", split)
        assert set(source.ids) == {item.content for item in items}
        assert pixels.ids == source.ids
        computed = pixel_features(pixels.read(range(len(pixels.ids))).numpy())
        np.testing.assert_array_equal(np.concatenate(source.arrays()), computed)


def test_shape_and_grid_follow_from_what_is_stored(study):
    features = study().features
    assert features.shape == (64, 6)
    assert features.grid == (8, 8)


def test_features_are_computed_once_for_all_that_share_their_identity(study, pixel_backbone):
    features = study().features
    computed = len(pixel_backbone)
    assert computed == 8
    ensure(reopened(features), pixels=True)
    assert len(pixel_backbone) == computed


@pytest.mark.parametrize(
    "changes",
    [{"weights": "1" * 64}, {"dtype": "float32"}, {"embedding_params": {"pool": 5}}],
    ids=lambda changes: "-".join(changes),
)
def test_features_of_another_identity_are_computed_apart(study, pixel_backbone, changes):
    features = study().features
    computed = len(pixel_backbone)
    ensure(reopened(features, **changes))
    assert len(pixel_backbone) == 2 * computed


def test_only_the_requested_categories_are_extracted(study, pixel_backbone):
    features = reopened(study().features, weights="1" * 64)
    pixel_backbone.clear()
    ensure(features, ["cork"])
    assert pixel_backbone == [6, 9]
    features.patches("cork", "test").read([0])
    with pytest.raises(CadbenchError, match="disappeared"):
        features.patches("dial", "test").read([0])


def test_images_are_stored_only_on_request(study, cache):
    features = study().features
    assert list((cache / "pixels").rglob("*.npy"))
    other = FeatureSet(features.manifest, features.spec, features.device, cache / "other")
    ensure(other)
    assert not (cache / "other" / "pixels").exists()
    with pytest.raises(CadbenchError, match="disappeared"):
        other.pixels("apple", "train").read([0])


def test_an_image_that_occurs_twice_is_stored_once_and_found_from_both_places(study, dataset):
    import shutil

    root = dataset(train=3)
    shutil.copy(root / "apple/train/good/000.png", root / "apple/train/good/copy.png")
    shutil.copy(root / "apple/train/good/001.png", root / "bolt/train/good/copy.png")
    features = study(train=3).features
    manifest = features.manifest
    assert len(manifest.train("apple")) == 4
    assert len(features.patches("apple", "train").ids) == 3
    assert len(features.patches("bolt", "train").ids) == 4
    shared = set(features.patches("apple", "train").ids) & set(
        features.patches("bolt", "train").ids
    )
    assert len(shared) == 1
