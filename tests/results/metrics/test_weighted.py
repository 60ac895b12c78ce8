"""Metrics of many weightings at once, against scikit-learn and against repeated images."""

from __future__ import annotations

import numpy as np
import pytest
from cadbench.results.metrics import replicates
from cadbench.results.metrics.image.auroc import auroc, weighted_auroc
from cadbench.results.metrics.registry import IMAGE_METRICS
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

WEIGHTED = {name: metric.weighted for name, metric in IMAGE_METRICS.items()}


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """scores (N,) that tie often, labels (N,), weights (N, 3): each label has weight in each."""
    n = draw(st.integers(2, 25))
    value = st.sampled_from([-1.0, 0.0, 0.1, 0.30000001192092896, 7.0])
    scores = draw(st.lists(value, min_size=n, max_size=n))
    labels = [0, 1, *draw(st.lists(st.integers(0, 1), min_size=n - 2, max_size=n - 2))]
    count = st.integers(0, 4)
    weights = np.array(draw(st.lists(st.tuples(count, count, count), min_size=n, max_size=n)))
    weights[:2] += 1
    return np.array(scores), np.array(labels) == 1, weights.astype(np.float32)


@given(cases())
def test_weighted_auroc_and_ap_equal_scikit_learn(case) -> None:
    scores, labels, weights = case
    for name, reference in (("auroc", roc_auc_score), ("ap", average_precision_score)):
        expected = [reference(labels, scores, sample_weight=column) for column in weights.T]
        assert WEIGHTED[name](scores, labels, weights) == pytest.approx(expected, abs=1e-12)


@given(cases())
def test_a_weight_is_a_number_of_repetitions(case) -> None:
    scores, labels, weights = case
    for name, metric in IMAGE_METRICS.items():
        repeated = [
            metric.function(np.repeat(scores, counts), np.repeat(labels, counts))
            for counts in weights.T.astype(int)
        ]
        assert WEIGHTED[name](scores, labels, weights) == pytest.approx(repeated, abs=1e-12)


@given(cases())
def test_once_each_is_the_plain_auroc_to_the_last_bit(case) -> None:
    scores, labels, weights = case
    once = np.ones_like(weights)
    assert weighted_auroc(scores, labels, once).tolist() == [auroc(scores, labels)] * 3


@given(cases())
def test_weighted_fpr95_equals_a_plain_count(case) -> None:
    scores, labels, weights = case
    for column, value in zip(
        weights.T.astype(int), WEIGHTED["fpr95"](scores, labels, weights), strict=True
    ):
        recall = {t: column[labels & (scores >= t)].sum() / column[labels].sum() for t in scores}
        threshold = max(t for t in scores if recall[t] >= 0.95)
        good = column[~labels & (scores >= threshold)].sum() / column[~labels].sum()
        assert value == pytest.approx(good, abs=1e-12)


@pytest.mark.parametrize("name", WEIGHTED)
def test_a_label_without_weight_makes_the_metric_undefined(name) -> None:
    scores, labels = np.array([0.1, 0.2, 0.3]), np.array([False, True, True])
    weights = np.array([[1, 0, 1], [1, 2, 0], [1, 1, 0]], dtype=np.float32)
    values = WEIGHTED[name](scores, labels, weights)
    assert np.isnan(values).tolist() == [False, True, True]
    assert np.isnan(WEIGHTED[name](scores[:0], labels[:0], weights[:0])).all()


@pytest.mark.parametrize("name", WEIGHTED)
def test_working_in_parts_changes_no_number(name, monkeypatch) -> None:
    rng = np.random.Generator(np.random.PCG64(0))
    scores, labels = rng.normal(size=30).round(1), np.arange(30) % 3 == 0
    weights = rng.integers(0, 4, (30, 50)).astype(np.float32)
    expected = WEIGHTED[name](scores, labels, weights)
    monkeypatch.setattr(replicates, "_CHUNK", 70)
    assert WEIGHTED[name](scores, labels, weights).tolist() == expected.tolist()
