"""Ranks, Friedman and Nemenyi against Demsar's worked example and the libraries themselves."""

from __future__ import annotations

import numpy as np
import pytest
import scikit_posthocs
from cadbench.results.statistics.friedman import critical_difference, ranking
from scipy.stats import friedmanchisquare

# Demsar (2006), table 6: AUC of C4.5 without and with two tuned parameters, on 14 datasets.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.975, 0.974],
        [0.957, 0.978, 0.946, 0.970],
    ]
).T


def test_demsars_example_has_his_mean_ranks_and_critical_difference() -> None:
    found = ranking(DEMSAR)
    assert found is not None
    assert found.mean_ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert found.critical_difference == pytest.approx(1.25, abs=5e-3)
    assert critical_difference(4, 14, 0.10) == pytest.approx(1.12, abs=5e-3)


@pytest.mark.parametrize(
    ("k", "q05", "q10"),
    [(2, 1.960, 1.645), (3, 2.343, 2.052), (5, 2.728, 2.459), (10, 3.164, 2.920)],
)
def test_critical_values_are_those_of_demsars_table(k: int, q05: float, q10: float) -> None:
    for alpha, q in ((0.05, q05), (0.10, q10)):
        expected = q * np.sqrt(k * (k + 1) / (6 * 20))
        assert critical_difference(k, 20, alpha) == pytest.approx(expected, rel=5e-4)


def test_three_rows_in_one_sequence_throughout_by_hand() -> None:
    found = ranking([[0.9, 0.8, 0.7, 0.6], [0.8, 0.7, 0.6, 0.5], [0.7, 0.6, 0.5, 0.4]])
    assert found is not None
    assert found.mean_ranks.tolist() == [1, 2, 3]
    # 12 N / (k (k + 1)) (1 + 4 + 9 - k (k + 1)^2 / 4) = 4 (14 - 12)
    assert found.statistic == pytest.approx(8.0)
    assert found.p == pytest.approx(np.exp(-4))  # chi-squared, 2 degrees of freedom


def test_tests_are_those_of_the_libraries() -> None:
    found = ranking(DEMSAR)
    assert found is not None
    friedman = friedmanchisquare(*DEMSAR)
    assert (found.statistic, found.p) == (friedman.statistic, friedman.pvalue)
    nemenyi = scikit_posthocs.posthoc_nemenyi_friedman(DEMSAR.T).to_numpy()
    assert found.nemenyi.tolist() == nemenyi.tolist()


def test_nemenyi_and_the_critical_difference_say_the_same() -> None:
    for alpha in (0.01, 0.05, 0.1, 0.3):
        found = ranking(DEMSAR, alpha)
        assert found is not None
        apart = np.abs(np.subtract.outer(found.mean_ranks, found.mean_ranks))
        assert ((found.nemenyi < alpha) == (apart > found.critical_difference)).all()


@pytest.mark.parametrize(
    "values",
    [np.zeros((3, 0)), [[0.9], [0.8], [0.7]], [[0.9, 0.8], [0.7, 0.6]], np.ones((3, 5))],
    ids=["no unit", "one unit", "two rows", "all equal"],
)
def test_too_little_to_rank_is_none(values) -> None:
    assert ranking(values) is None
