"""docs/pitfalls.md: what other projects compute under our words, on matrices, by their formulas."""

from __future__ import annotations

import re
from pathlib import Path

import cadbench
import numpy as np
import pytest
from cadbench.results.metrics.registry import METRICS
from cadbench.results.published.rows import PublishedRow, load_published

R = np.array([[0.9, 0.5, 0.5], [0.7, 0.8, 0.4], [0.6, 0.85, 0.95]])
S = [1, 2, 3]
PAGE = (Path(__file__).parents[3] / "docs" / "pitfalls.md").read_text("utf-8")

m = cadbench.metrics


def value(metric: str, matrix: np.ndarray = R) -> float:
    return float(getattr(m, metric)(matrix, range(1, len(matrix) + 1)).value)


def random_matrix(seed: int, T: int = 6) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).uniform(0.1, 1.0, (T, T))


@pytest.fixture(params=[R, random_matrix(0), random_matrix(1, 15)], ids=["3", "6", "15"])
def any_R(request: pytest.FixtureRequest) -> np.ndarray:
    return request.param


# pyCLAD@bbcbb43


def pyclad_bwt(R: np.ndarray) -> float:
    """Mean of all one-step changes below the diagonal."""
    T = len(R)
    return float(np.mean([R[t, c] - R[t - 1, c] for c in range(T) for t in range(c + 1, T)]))


def pyclad_documented_bwt(R: np.ndarray) -> float:
    T = len(R)
    return float(np.mean([R[t, c] - R[c, c] for t in range(1, T) for c in range(t)]))


def pyclad_fm(R: np.ndarray) -> float:
    """After the last task: all columns, the maximum over all earlier rows."""
    return float(np.mean(R[:-1].max(0) - R[-1]))


def pyclad_average(R: np.ndarray) -> float:
    return float(R[np.tril_indices(len(R))].mean())


def pyclad_fwt(R: np.ndarray) -> float:
    return float(R[np.triu_indices(len(R), 1)].mean())


def test_pyclad_bwt_is_ours_times_two_over_the_number_of_experiences(any_R: np.ndarray) -> None:
    T = len(any_R)
    assert pyclad_bwt(any_R) == pytest.approx(value("bwt", any_R) * 2 / T)
    assert pyclad_documented_bwt(any_R) != pytest.approx(pyclad_bwt(any_R))


def test_pyclad_average_fm_and_fwt_are_none_of_ours(any_R: np.ndarray) -> None:
    ours = [value(name, any_R) for name in ("acc", "acc_incremental", "acc_learned", "fm", "bwt")]
    ours += [value(name, any_R) for name in ("fm_clamped", "bwt_all", "fwt", "worst_drop")]
    for theirs in (pyclad_average(any_R), pyclad_fm(any_R), pyclad_fwt(any_R)):
        if any_R is not R:  # in the small example, the average happens to be the final mean
            assert not np.isclose(theirs, ours).any()


def test_the_small_example_of_the_page() -> None:
    assert value("bwt") == pytest.approx(-0.125)
    assert value("fm") == pytest.approx(0.125)
    assert value("fm_clamped") == pytest.approx(0.15)
    assert value("acc_incremental") == pytest.approx(0.8167, abs=1e-4)
    assert pyclad_bwt(R) == pytest.approx(-0.0833, abs=1e-4)
    assert pyclad_documented_bwt(R) == pytest.approx(-0.15)
    assert pyclad_fm(R) == pytest.approx(-0.0667, abs=1e-4)
    assert pyclad_average(R) == pytest.approx(0.8)
    assert clad(R) == pytest.approx(0.1667, abs=1e-4)


# Avalanche@eb075be


def test_avalanche_forgetting_is_minus_bwt_and_its_bwt_is_bwt(any_R: np.ndarray) -> None:
    T = len(any_R)
    forgetting = np.mean([any_R[c, c] - any_R[-1, c] for c in range(T - 1)])
    assert forgetting == pytest.approx(-value("bwt", any_R))


def test_avalanche_and_mammoth_fwt_is_ours_with_a_measured_level_of_guessing(any_R: np.ndarray):
    T = len(any_R)
    untrained = np.linspace(0.3, 0.6, T)
    theirs = np.mean([any_R[c - 1, c] - untrained[c] for c in range(1, T)])
    assert theirs == pytest.approx(m.fwt(any_R, range(1, T + 1), untrained).value)


# Mammoth@e75a491, PyCIL@f3509b8


def test_forgetting_of_mammoth_and_pycil_is_fm_clamped(any_R: np.ndarray) -> None:
    seen = np.tril(any_R)  # both fill the part above the diagonal with zeros
    theirs = np.mean((seen.max(0) - seen[-1])[:-1])
    assert theirs == pytest.approx(value("fm_clamped", any_R))


def test_bwt_of_mammoth_is_bwt(any_R: np.ndarray) -> None:
    T = len(any_R)
    theirs = np.mean([any_R[-1, c] - any_R[c, c] for c in range(T - 1)])
    assert theirs == pytest.approx(value("bwt", any_R))


def test_names_of_groups_that_are_sorted_as_text_change_places_from_100_classes_on() -> None:
    names = [f"{first:02d}-{first + 9:02d}" for first in range(0, 120, 10)]
    assert sorted(names[:10]) == names[:10]
    assert sorted(names)[2] == "100-109"


# Continual-MEGA@2ed0c10


def test_fm_of_continual_mega_is_fm_where_its_script_leaves_zeros_and_else_none(
    any_R: np.ndarray,
) -> None:
    def theirs(matrix: np.ndarray) -> float:
        return float(np.mean(matrix[:-1, :-1].max(0) - matrix[-1, :-1]))

    assert theirs(np.tril(any_R)) == pytest.approx(value("fm", any_R))
    if any_R is not R:
        assert theirs(any_R) > value("fm", any_R)


def test_a_mean_over_tasks_is_no_mean_over_categories_and_an_integer_matrix_holds_zeros() -> None:
    base, later = [0.9] * 10, [[0.7]] * 5
    by_task = np.mean([np.mean(task) for task in (base, *later)])
    by_category = np.mean([*base, *np.ravel(later)])
    assert (by_task, by_category) == (
        pytest.approx(0.7333, abs=1e-4),
        pytest.approx(0.8333, abs=1e-4),
    )
    results = np.full((2, 2), 0)
    results[0, 0] = 0.95
    assert results[0, 0] == 0


# CLAD@36fd32f


def clad(F1: np.ndarray) -> float:
    T = len(F1) - 1
    worst = [max(0.0, *(1 - F1[T, c] / F1[t, c] for t in range(T))) for c in range(T)]
    return float(np.mean(worst))


def test_forgetting_of_clad_is_relative_never_negative_and_none_of_ours(any_R: np.ndarray) -> None:
    theirs = clad(any_R)
    assert theirs >= 0
    assert not np.isclose(theirs, [value("fm", any_R), value("fm_clamped", any_R)]).any()
    better = np.tile(np.linspace(0.5, 0.9, 4)[:, None], (1, 4))
    assert clad(better) == 0
    assert value("fm", better) < 0


def test_a_trapezoid_under_the_precision_recall_curve_is_no_average_precision() -> None:
    from sklearn.metrics import auc, precision_recall_curve

    labels, scores = [0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4]
    precision, recall, _ = precision_recall_curve(labels, scores)
    assert auc(recall, precision) == pytest.approx(0.7917, abs=1e-4)
    assert m.average_precision(scores, labels) == pytest.approx(0.8333, abs=1e-4)


# UCAD@c7f075e, IUF@f42669d, CDAD@1c748e2


def flipped(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 1 - values)


def printed(method: str, dataset: str) -> PublishedRow:
    (row,) = (
        row
        for row in load_published()
        if (row.method, row.dataset, row.metric) == (method, dataset, "image_auroc")
    )
    return row


def test_flipping_lifts_a_method_that_forgot_everything() -> None:
    for method, dataset, before, after in (
        ("PatchCore, naive fine-tuning", "mvtec", 0.602, 0.728),
        ("RD4AD, naive fine-tuning", "visa", 0.525, 0.655),
    ):
        values = np.array(list(printed(method, dataset).by_category.values()))
        assert values.mean() == pytest.approx(before, abs=1e-3)
        assert flipped(values).mean() == pytest.approx(after, abs=1e-3)
    assert np.abs(np.random.default_rng(0).normal(0, 0.1, 100_000)).mean() == pytest.approx(
        0.08, abs=1e-3
    )


def test_a_mean_of_values_right_after_learning_is_acc_learned(any_R: np.ndarray) -> None:
    assert np.mean(np.diag(any_R)) == pytest.approx(value("acc_learned", any_R))


def test_the_best_of_25_epochs_is_two_deviations_above_their_mean() -> None:
    draws = np.random.default_rng(0).normal(0.9, 0.01, (20_000, 25))
    assert draws.max(1).mean() - 0.9 == pytest.approx(0.0197, abs=3e-4)


def test_normalized_scores_averaged_over_epochs_rank_other_than_those_of_any_epoch() -> None:
    labels = [0, 0, 1, 1]
    epochs = np.array([[0.0, 0.6, 0.5, 1.0], [0.6, 0.0, 0.5, 1.0]])
    low, high = epochs.min(1, keepdims=True), epochs.max(1, keepdims=True)
    mean = ((epochs - low) / (high - low)).mean(0)
    assert [m.auroc(epoch, labels) for epoch in epochs] == [0.75, 0.75]
    assert m.auroc(mean, labels) == 1.0


def test_acc_of_iuf_and_cdad_is_acc_incremental_of_flipped_values(any_R: np.ndarray) -> None:
    R = flipped(any_R)
    steps = [R[t, : t + 1].mean() for t in range(len(R))]
    assert np.mean(steps) == pytest.approx(value("acc_incremental", R))


# The page


def test_the_page_names_every_metric_of_ours_that_exists_and_no_other() -> None:
    table = PAGE[PAGE.index("## Our name") :]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "---" not in line]
    ours = [re.findall(r"`([a-z_0-9]+)`", line.split("|")[3]) for line in rows[1:]]
    named = {name for names in ours for name in names}
    assert named <= METRICS.keys()
    assert {"acc", "acc_learned", "acc_incremental", "bwt", "fm", "fm_clamped", "fwt"} <= named
    peers = {line.split("|")[1].strip() for line in rows[1:]}
    for peer in (
        "pyCLAD",
        "Avalanche",
        "Mammoth",
        "PyCIL",
        "Continual-MEGA",
        "UCAD",
        "IUF",
        "CDAD",
    ):
        assert peer in peers
    assert len(PAGE.splitlines()) <= 250
