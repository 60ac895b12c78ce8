"""Image metrics against scikit-learn, with heavy ties, and against the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from cadbench.results.errors import CadbenchError
from cadbench.results.metrics.image.auroc import auroc
from cadbench.results.metrics.image.average_precision import average_precision
from cadbench.results.metrics.image.f1_max import f1_max
from cadbench.results.metrics.image.fpr95 import fpr95
from cadbench.results.metrics.registry import IMAGE_METRICS
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

EVERY = pytest.mark.parametrize(
    "metric", [metric.function for metric in IMAGE_METRICS.values()], ids=list(IMAGE_METRICS)
)

# Scores from a handful of values tie often; finite floats cover scale and sign.
tied = st.sampled_from([-1.0, 0.0, 0.1, 0.30000001192092896, 7.0])
wild = st.floats(-1e30, 1e30, allow_nan=False)


@st.composite
def both_labels(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(2, 40))
    scores = draw(st.lists(draw(st.sampled_from([tied, wild])), min_size=n, max_size=n))
    labels = draw(
        st.permutations([0, 1, *draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))])
    )
    return np.array(scores), np.array([0, 1, *labels][:n])


@given(both_labels())
def test_auroc_equals_scikit_learn(case: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = case
    assert auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@given(both_labels())
def test_auroc_equals_the_share_of_ordered_pairs(case: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = case
    pairs = [
        1.0 if bad > good else 0.5 if bad == good else 0.0
        for bad in scores[labels == 1]
        for good in scores[labels == 0]
    ]
    assert auroc(scores, labels) == sum(pairs) / len(pairs)


@given(both_labels())
def test_average_precision_equals_scikit_learn(case: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = case
    expected = average_precision_score(labels, scores)
    assert average_precision(scores, labels) == pytest.approx(expected, abs=1e-12)


@given(both_labels())
def test_f1_max_is_the_best_point_of_scikit_learns_curve(
    case: tuple[np.ndarray, np.ndarray],
) -> None:
    scores, labels = case
    precision, recall, _ = precision_recall_curve(labels, scores)
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    assert f1_max(scores, labels) == pytest.approx(f1.max(), abs=1e-12)


@given(both_labels())
def test_fpr95_is_a_point_of_scikit_learns_curve(case: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = case
    rate, recall, _ = roc_curve(labels, scores, drop_intermediate=False)
    assert fpr95(scores, labels) == rate[np.argmax(recall >= 0.95)]


def test_fpr95_counts_good_images_that_tie_with_the_threshold() -> None:
    defective = [0.5] + [0.9] * 18 + [0.4]  # the nineteenth of twenty has 0.5
    good = [0.6, 0.5, 0.5, 0.45]
    labels = [1] * 20 + [0] * 4
    assert fpr95(defective + good, labels) == 0.75
    assert fpr95([0.6, *defective[1:], *good], labels) == 0.25


@given(both_labels())
def test_auroc_is_never_flipped(case: tuple[np.ndarray, np.ndarray]) -> None:
    scores, labels = case
    assert auroc(scores, labels) + auroc(-scores, labels) == pytest.approx(1.0)


def test_auroc_below_one_half_stays_below() -> None:
    assert auroc([0.9, 0.1], [0, 1]) == 0.0


def test_large_close_distances_are_told_apart() -> None:
    assert auroc([1e8, 1e8 + 1, 1e8 + 2], [0, 1, 1]) == 1.0


def test_images_of_one_score_carry_no_information() -> None:
    assert auroc([0.5] * 6, [0, 1, 0, 1, 1, 0]) == 0.5
    assert average_precision([0.5] * 6, [0, 1, 0, 1, 1, 0]) == 0.5


@EVERY
@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1]])
def test_one_label_only_is_undefined(metric, labels) -> None:
    assert math.isnan(metric([0.1, 0.2, 0.3], labels))


@EVERY
def test_no_image_is_undefined(metric) -> None:
    assert math.isnan(metric([], []))


@EVERY
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_are_refused(metric, broken) -> None:
    with pytest.raises(CadbenchError, match="1 of 3 image scores are NaN or infinite"):
        metric([0.1, broken, 0.3], [0, 1, 1])


def test_labels_other_than_zero_and_one_are_refused() -> None:
    with pytest.raises(CadbenchError, match="labels must be 0"):
        auroc([0.1, 0.2], [0, 2])


def test_vectors_of_different_lengths_are_refused() -> None:
    with pytest.raises(CadbenchError, match="one length"):
        auroc([0.1, 0.2], [0, 1, 1])
