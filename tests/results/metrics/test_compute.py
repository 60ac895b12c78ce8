"""The metrics table follows from the scores alone and equals a plain evaluation of them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from cadbench.results.errors import CadbenchError
from cadbench.results.metrics import continual
from cadbench.results.metrics.compute import compute_metrics, introduced, matrix, owners
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.results.samples import CATEGORIES, MATRIX, make_events, make_scores

ONE_EACH = [[category] for category in CATEGORIES]


def value_of(metrics: pd.DataFrame, name: str, t: int | None = None) -> float:
    rows = metrics[metrics["metric"] == name]
    rows = rows[rows["t"].isna() if t is None else rows["t"] == t]
    assert len(rows) == 1, name
    return float(rows["value"].iloc[0])


def random_scores(rng: np.random.Generator, experiences: list[list[str]]) -> pd.DataFrame:
    rows = [
        (t, category, f"{category}{i}", i % 3 == 0, "", rng.integers(0, 6) / 4, i % 2)
        for t in range(1, len(experiences) + 1)
        for experience in experiences
        for category in experience
        for i in range(15)
    ]
    columns = ["experience", "category", "image", "label", "defect", "score", "route"]
    return pd.DataFrame(rows, columns=columns).astype({"label": "int8", "score": "float32"})


def test_the_matrix_is_that_of_the_scores_with_unscored_cells_undefined() -> None:
    R, s = matrix(make_scores(MATRIX, ONE_EACH), ONE_EACH)
    assert np.allclose(R, MATRIX, equal_nan=True)
    assert s.tolist() == [1, 2, 3]


def test_columns_are_the_requested_categories() -> None:
    R, s = matrix(make_scores(MATRIX, ONE_EACH), ONE_EACH, ["cork", "apple"])
    assert np.allclose(R, np.array(MATRIX)[:, [2, 0]], equal_nan=True)
    assert s.tolist() == [3, 1]


def test_step_schedules_introduce_several_categories_at_once() -> None:
    experiences = [["apple", "bolt"], ["cork"]]
    assert introduced(experiences, ["cork", "bolt", "apple"]).tolist() == [2, 1, 1]
    R, s = matrix(make_scores([[0.5, 0.6, math.nan], [0.5, 0.5, 1.0]], experiences), experiences)
    assert s.tolist() == [1, 1, 2]
    assert continual.bwt(R, s).value == pytest.approx(-0.05)


def test_cells_equal_scikit_learn_whatever_the_order_of_rows() -> None:
    experiences = [["b", "a"], ["c"]]
    scores = random_scores(np.random.default_rng(0), experiences)
    shuffled = scores.sample(frac=1, random_state=1)
    metrics = compute_metrics(shuffled, experiences, "oracle")
    references = {"auroc": roc_auc_score, "ap": average_precision_score}
    cells = metrics.set_index(["metric", "t", "category"])
    for (t, category), group in scores.groupby(["experience", "category"]):
        for name, reference in references.items():
            value, n = cells.loc[(name, t, category)]
            assert value == pytest.approx(reference(group["label"], group["score"]))
            assert n == 15


def test_continual_metrics_are_those_of_the_matrix() -> None:
    metrics = compute_metrics(make_scores(MATRIX, ONE_EACH), ONE_EACH, "oracle")
    expected = {
        "acc": 0.8,
        "acc_learned": 0.85,
        "bwt": -0.075,
        "bwt_all": -0.05,
        "fm": 0.125,
        "fm_clamped": 0.15,
        "worst_drop": -0.2,
        "fwt": -0.05,
    }
    for name, value in expected.items():
        assert value_of(metrics, name) == pytest.approx(value), name


def test_other_bases_carry_their_name_before_a_dot() -> None:
    scores = make_scores(MATRIX, ONE_EACH)
    metrics = compute_metrics(scores, ONE_EACH, "oracle")
    for base in ("ap", "f1_max"):
        R, s = matrix(scores, ONE_EACH, metric=base)
        assert value_of(metrics, f"{base}.acc") == continual.acc(R, s).value
        assert value_of(metrics, f"{base}.fm") == continual.fm(R, s).value


def test_forward_transfer_of_ap_and_f1_starts_at_what_guessing_reaches() -> None:
    """One good, 20 defective, no scores that separate them: AP and F1 are those of guessing."""
    flat = make_scores([[0.5, 0.5], [0.5, 0.5]], [["apple"], ["bolt"]]).assign(score=1.0)
    metrics = compute_metrics(flat, [["apple"], ["bolt"]], "oracle")
    for name in ("fwt", "ap.fwt", "f1_max.fwt"):
        assert value_of(metrics, name) == pytest.approx(0.0), name


def test_expert_metrics_follow_the_assignments() -> None:
    events = make_events({"apple": 0, "bolt": 0, "cork": 1})
    metrics = compute_metrics(make_scores(MATRIX, ONE_EACH), ONE_EACH, "oracle", events)
    assert value_of(metrics, "expert_forgetting") == pytest.approx(-0.0375)
    assert value_of(metrics, "expert_worst_drop") == pytest.approx(-0.1)


def test_without_assignments_there_are_no_expert_metrics() -> None:
    for events in (None, make_events({})):
        metrics = compute_metrics(make_scores(MATRIX, ONE_EACH), ONE_EACH, "oracle", events)
        assert "expert_forgetting" not in set(metrics["metric"])


def test_owners_come_from_the_chosen_candidates() -> None:
    events = make_events({"apple": 3, "cork": 1})
    owner = owners(events, CATEGORIES)
    assert owner is not None
    assert owner.tolist() == [3, -1, 1]


def test_inferred_routing_adds_pooled_auroc_and_routing_accuracy() -> None:
    full = [[0.8, 0.5, 0.5], [0.9, 0.8, 0.4], [0.6, 0.85, 0.95]]
    scores = make_scores(full, ONE_EACH, routes={"apple": 0, "bolt": 1, "cork": 1})
    events = make_events({"apple": 0, "bolt": 0, "cork": 1})
    metrics = compute_metrics(scores, ONE_EACH, "inferred", events)
    assert value_of(metrics, "routing_accuracy") == pytest.approx(2 / 3)
    assert [value_of(metrics, "routing_accuracy", t) for t in (1, 2, 3)] == pytest.approx(
        [1.0, 0.5, 2 / 3]
    )
    last = scores[scores["experience"] == 3]
    pooled = roc_auc_score(last["label"], last["score"])
    assert value_of(metrics, "pooled_auroc", 3) == pytest.approx(pooled)
    assert value_of(metrics, "pooled_auroc", 1) == pytest.approx(0.8)


def test_oracle_routing_has_neither() -> None:
    names = set(compute_metrics(make_scores(MATRIX, ONE_EACH), ONE_EACH, "oracle")["metric"])
    assert not names & {"pooled_auroc", "routing_accuracy"}


def test_one_label_only_is_undefined_and_leaves_the_means() -> None:
    scores = make_scores(MATRIX, ONE_EACH)
    scores = scores[(scores["category"] != "bolt") | (scores["label"] == 1)]
    metrics = compute_metrics(scores, ONE_EACH, "oracle")
    acc = metrics[metrics["metric"] == "acc"]
    assert acc["value"].item() == pytest.approx((0.6 + 0.95) / 2)
    assert acc["n"].item() == 2


def test_one_experience_of_one_category() -> None:
    metrics = compute_metrics(make_scores([[0.75]], [["apple"]]), [["apple"]], "oracle")
    assert value_of(metrics, "acc") == 0.75
    assert math.isnan(value_of(metrics, "bwt"))


def test_a_run_without_scores_has_no_numbers() -> None:
    metrics = compute_metrics(make_scores(MATRIX, ONE_EACH).head(0), ONE_EACH, "inferred")
    assert len(metrics) > 0
    assert metrics["value"].isna().all()


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_scores_that_are_not_finite_are_refused_by_name(broken: float) -> None:
    scores = make_scores(MATRIX, ONE_EACH)
    scores.loc[(scores["category"] == "bolt") & (scores["experience"] == 2), "score"] = broken
    with pytest.raises(CadbenchError, match=r"21 scores .* category bolt after experience 2"):
        compute_metrics(scores, ONE_EACH, "oracle")


def test_scores_outside_the_stream_are_refused() -> None:
    scores = make_scores(MATRIX, ONE_EACH)
    with pytest.raises(CadbenchError, match="categories of no experience: cork"):
        compute_metrics(scores, [*ONE_EACH[:2], ["date"]], "oracle")
    with pytest.raises(CadbenchError, match="experiences outside 1 to 2"):
        compute_metrics(scores, [["apple", "bolt"], ["cork"]], "oracle")


def test_recomputed_metrics_equal_the_stored_ones(make_record) -> None:
    record = make_record(owner={"apple": 0, "bolt": 0, "cork": 1})
    again = compute_metrics(record.scores, record.experiences, record.routing, record.events)
    pd.testing.assert_frame_equal(again, record.metrics, check_dtype=False)
