"""The threshold constants and their calibration."""

from __future__ import annotations

import numpy as np
import pytest
from cadbench.benchmark.interface.method import CellFacts
from cadbench.mecad.params import MecadParams
from cadbench.mecad.threshold import (
    QUANTILE,
    THRESHOLDS,
    automatic_threshold,
    calibrated_threshold,
    compared_means,
)
from cadbench.results.errors import UsageError


def test_the_papers_features_keep_the_papers_threshold():
    assert automatic_threshold("wide_resnet50_2", "official", "mixed") == 0.9


def test_calibration_is_the_quantile_of_pairwise_cosines():
    angles = np.radians([0, 10, 40, 90])
    centroids = [np.array([np.cos(a), np.sin(a)]) for a in angles]
    pairs = np.cos(np.radians([10, 40, 90, 30, 80, 50]))
    assert calibrated_threshold(centroids) == pytest.approx(np.quantile(pairs, QUANTILE))


def test_uncalibrated_features_are_refused_with_the_way_out():
    with pytest.raises(UsageError, match="not calibrated for resnet18 with concat"):
        automatic_threshold("resnet18", "concat", "patches")
    with pytest.raises(UsageError, match="lite0 with concat of layers 16; set it"):
        automatic_threshold("tf_efficientnet_lite0", "concat", "patches", (16,))


def test_every_shipped_threshold_is_a_cosine():
    assert all(0 < value < 1 for values in THRESHOLDS.values() for value in values.values())


def test_mixed_calibration_compares_every_category_with_the_experts_of_the_others():
    angles, others = np.radians([0, 30]), np.radians([10, 90])
    vectors = [[np.array([np.cos(a), np.sin(a)]) for a in each] for each in (angles, others)]
    cosines = np.cos(np.radians([90, 20]))  # 0 with the second expert, 30 with the first
    assert calibrated_threshold(*vectors) == pytest.approx(np.quantile(cosines, QUANTILE))


@pytest.mark.parametrize(
    ("centroid", "expert_centroid", "compared"),
    [
        ("patches", "categories", "patches"),
        ("patches", "memory", "mixed"),
        ("patches", "buffer", "mixed"),
        ("coreset", "categories", "coresets"),
        ("coreset", "memory", "coresets"),
    ],
)
def test_the_threshold_is_calibrated_on_the_quantity_that_it_is_compared_with(
    centroid, expert_centroid, compared
):
    assert compared_means(centroid, expert_centroid) == compared
    params = MecadParams(centroid=centroid, expert_centroid=expert_centroid)
    facts = CellFacts("tf_efficientnet_lite0", "concat", 3)
    assert params.resolve(facts).threshold == automatic_threshold(
        facts.backbone, facts.embedding, compared
    )
