"""Alarm thresholds from held-out scores, and the false alarms and recall that follow later."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from cadbench.results.errors import CadbenchError
from cadbench.results.metrics import alarm_threshold, compute, false_alarm_rate, recall
from cadbench.results.metrics.operating_points import METRICS, HeldOut
from hypothesis import given
from hypothesis import strategies as st

COLUMNS = ["experience", "category", "image", "label", "defect", "score", "route"]


@pytest.mark.parametrize(
    ("n", "quantile", "rank"),
    [
        (1, 0.99, 1),
        (20, 0.99, 20),  # too few images for 1 %: the largest score
        (98, 0.99, 98),
        (99, 0.99, 99),
        (199, 0.99, 198),
        (20, 0.5, 11),
        (99, 0.07, 7),  # 0.07 * 100 is not 7 in floating point
        (5, 0.01, 1),
    ],
)
def test_the_threshold_is_the_conformal_order_statistic(n, quantile, rank):
    scores = np.random.Generator(np.random.PCG64(0)).permutation(np.arange(1, n + 1))
    assert alarm_threshold(scores, quantile) == rank


def test_no_scores_give_no_threshold():
    assert math.isnan(alarm_threshold([], 0.99))


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=40),
    st.floats(0.01, 0.999),
)
def test_at_most_the_target_share_of_the_held_out_images_raises_an_alarm(scores, quantile):
    threshold = alarm_threshold(scores, quantile)
    assert threshold in scores
    assert np.mean(np.array(scores) > threshold) <= 1 - quantile + 1e-9


def test_the_expected_rate_of_false_alarms_is_the_target():
    rng = np.random.Generator(np.random.PCG64(1))
    for n, expected in ((99, 0.05), (9, 1 / 10), (19, 1 / 20)):
        draws = rng.normal(size=(4000, n + 1))
        alarms = [row[-1] > alarm_threshold(row[:-1], 0.95) for row in draws]
        assert np.mean(alarms) == pytest.approx(expected, abs=0.015)


def test_alarms_are_scores_above_the_threshold():
    scores, labels = [1.0, 2.0, 3.0, 2.0, 4.0], [0, 0, 0, 1, 1]
    assert false_alarm_rate(scores, labels, 2.0) == pytest.approx(1 / 3)
    assert recall(scores, labels, 2.0) == pytest.approx(1 / 2)
    assert recall(scores, labels, [9, 9, 9, 1, 9]) == pytest.approx(1 / 2)
    assert math.isnan(recall([1.0], [0], 2.0))
    assert math.isnan(false_alarm_rate(scores, labels, math.nan))


@given(
    st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 3)), min_size=1),
    st.integers(0, 4),
)
def test_weights_count_an_image_as_often_as_a_bootstrap_drew_it(images, threshold):
    scores, labels, times = map(np.array, zip(*images, strict=True))
    thresholds = np.full(len(images), float(threshold))
    for metric in METRICS:
        repeated = metric.function(np.repeat(scores, times), np.repeat(labels, times), threshold)
        weights = np.stack([times, np.ones_like(times)], axis=1).astype(np.float32)
        found = metric.weighted(scores.astype(float), labels, thresholds, weights)
        plain = metric.function(scores, labels, threshold)
        np.testing.assert_allclose(found, [repeated, plain])


# --- matrices: two good images and one defective one per category


def scores_of(rows: list[tuple[int, str, tuple[float, float, float], int]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (t, category, f"{category}{i}", int(i == 2), "", score, route)
            for t, category, values, route in rows
            for i, score in enumerate(values)
        ],
        columns=COLUMNS,
    )


def held_out_of(rows: list[tuple[int, str, float, int]], **category_of: str) -> HeldOut:
    frame = pd.DataFrame(rows, columns=["experience", "category", "score", "route"])
    return HeldOut(frame, 0.99, {**{c: c for c in frame["category"]}, **category_of})


def cells(metrics: pd.DataFrame, name: str) -> dict[tuple[int, str], float]:
    rows = metrics[(metrics["metric"] == name) & metrics["category"].notna()]
    return {
        (int(t), c): v for t, c, v in zip(rows["t"], rows["category"], rows["value"], strict=True)
    }


AGING = scores_of(
    [
        (1, "apple", (1, 2, 3), -1),
        (1, "bolt", (5, 5, 5), -1),
        (2, "apple", (2, 3, 3), -1),
        (2, "bolt", (5, 7, 6), -1),
    ]
)


def test_a_threshold_stays_and_the_rates_change():
    held_out = held_out_of([(1, "apple", 1.5, -1), (1, "apple", 2.0, -1), (2, "bolt", 6.0, -1)])
    metrics = compute.compute_metrics(AGING, [["apple"], ["bolt"]], "oracle", None, None, held_out)
    alarms, found = (cells(metrics, name) for name in ("false_alarm_rate", "recall"))
    assert alarms.pop((1, "bolt")) != alarms.get((1, "bolt"))  # NaN: it has no threshold yet
    assert alarms == {(1, "apple"): 0, (2, "apple"): 0.5, (2, "bolt"): 0.5}
    assert (found[1, "apple"], found[2, "apple"], found[2, "bolt"]) == (1, 1, 0)
    whole = metrics[metrics["category"].isna()].set_index("metric")["value"]
    assert whole["false_alarm_rate.acc"] == 0.5
    assert whole["false_alarm_rate.acc_learned"] == 0.25
    # More false alarms are worse: bwt keeps its formula, a loss is positive.
    assert whole["false_alarm_rate.bwt"] == whole["false_alarm_rate.fm"] == 0.5
    assert whole["false_alarm_rate.worst_drop"] == 0.5
    assert "false_alarm_rate.fwt" not in whole


def test_without_routes_all_held_out_images_set_one_threshold_under_inferred_routing():
    held_out = held_out_of([(1, "apple", 2.0, -1), (2, "bolt", 6.0, -1)])
    metrics = compute.compute_metrics(
        AGING, [["apple"], ["bolt"]], "inferred", None, None, held_out
    )
    alarms = cells(metrics, "false_alarm_rate")
    # Threshold 2 after the first experience, 6 after the second.
    assert alarms == {(1, "apple"): 0, (1, "bolt"): 1, (2, "apple"): 0, (2, "bolt"): 0.5}


def test_an_image_is_judged_by_the_threshold_of_the_expert_that_scored_it():
    scores = AGING.assign(route=[0, 0, 0] * 2 + [0, 1, 2] + [1, 0, 1])
    held_out = held_out_of([(1, "apple", 2.0, 0), (2, "bolt", 6.0, 1), (2, "bolt", 4.0, 0)])
    metrics = compute.compute_metrics(
        scores, [["apple"], ["bolt"]], "inferred", None, None, held_out
    )
    # Expert 0: 4, expert 1: 6; expert 2 got no held-out image, so all of them count: 6.
    alarms, found = (cells(metrics, name) for name in ("false_alarm_rate", "recall"))
    assert alarms[2, "apple"] == 0
    assert found[2, "apple"] == 0
    assert alarms[2, "bolt"] == 0.5
    assert found[2, "bolt"] == 0


def test_a_category_that_returns_sets_its_threshold_again():
    dark = "apple@dark:2"
    scores = scores_of(
        [(t, c, (1, 3, 5), -1) for t in (1, 2) for c in ("apple", dark)],
    )
    held_out = held_out_of([(1, "apple", 2.0, -1), (2, dark, 4.0, -1)], **{dark: "apple"})
    metrics = compute.compute_metrics(scores, [["apple"], [dark]], "oracle", None, None, held_out)
    # The changed images are judged by the only threshold that there is, before they are learned.
    alarms = cells(metrics, "false_alarm_rate")
    assert alarms == {(1, "apple"): 0.5, (1, dark): 0.5, (2, "apple"): 0, (2, dark): 0}


def test_every_category_needs_held_out_scores():
    held_out = held_out_of([(1, "apple", 2.0, -1)], bolt="bolt")
    with pytest.raises(CadbenchError, match="no held-out scores of bolt"):
        compute.compute_metrics(AGING, [["apple"], ["bolt"]], "oracle", None, None, held_out)
