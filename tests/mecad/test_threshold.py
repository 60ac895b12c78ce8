"""The threshold constants and their calibration."""

from __future__ import annotations

import numpy as np
import pytest
from cadbench.mecad.threshold import QUANTILE, THRESHOLDS, automatic_threshold, calibrated_threshold
from cadbench.results.errors import UsageError


def test_the_papers_features_keep_the_papers_threshold():
    assert automatic_threshold("wide_resnet50_2", "official") == 0.9


def test_calibration_is_the_quantile_of_pairwise_cosines():
    angles = np.radians([0, 10, 40, 90])
    centroids = [np.array([np.cos(a), np.sin(a)]) for a in angles]
    pairs = np.cos(np.radians([10, 40, 90, 30, 80, 50]))
    assert calibrated_threshold(centroids) == pytest.approx(np.quantile(pairs, QUANTILE))


def test_uncalibrated_features_are_refused_with_the_way_out():
    with pytest.raises(UsageError, match="not calibrated for resnet18 with concat"):
        automatic_threshold("resnet18", "concat")


def test_every_shipped_threshold_is_a_cosine():
    assert all(0 < value < 1 for value in THRESHOLDS.values())
