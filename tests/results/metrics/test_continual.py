"""Continual metrics: the worked matrices of the design, step schedules, edges, and invariants."""

from __future__ import annotations

import math

import numpy as np
import pytest
from cadbench.results.errors import CadbenchError
from cadbench.results.metrics import continual, inferred_routing
from cadbench.results.metrics.metric import Measured
from cadbench.results.metrics.registry import CATEGORY_METRICS, MATRIX_METRICS
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

nan = math.nan
OF_MATRIX = [name for name, metric in MATRIX_METRICS.items() if metric.needs == "matrix"]
FIRST = [[0.9, 0.5, 0.5], [0.7, 0.8, 0.4], [0.6, 0.85, 0.95]]
SECOND = [[0.8, 0.5, 0.5], [0.9, 0.8, 0.4], [0.6, 0.85, 0.95]]
WORKED = {
    "acc": (0.8, 0.8),
    "acc_learned": (2.65 / 3, 0.85),
    "acc_incremental": (2.45 / 3, 2.45 / 3),
    "bwt": (-0.125, -0.075),
    "bwt_all": (-0.25 / 3, -0.05),
    "fm": (0.125, 0.125),
    "fm_clamped": (0.15, 0.15),
    "worst_drop": (-0.3, -0.2),
    "fwt": (-0.05, -0.05),
}


def measure(name: str, R, s) -> Measured:
    return getattr(continual, name)(R, s)


@pytest.mark.parametrize("name", WORKED)
def test_worked_examples_of_the_design(name: str) -> None:
    first, second = WORKED[name]
    assert measure(name, FIRST, [1, 2, 3]).value == pytest.approx(first)
    assert measure(name, SECOND, [1, 2, 3]).value == pytest.approx(second)


def test_worked_example_of_the_experts() -> None:
    owner = [0, 0, 1]
    assert continual.expert_forgetting(SECOND, [1, 2, 3], owner).value == pytest.approx(-0.0375)
    assert continual.expert_worst_drop(SECOND, [1, 2, 3], owner).value == pytest.approx(-0.1)


def test_how_many_categories_entered() -> None:
    entered = {name: measure(name, FIRST, [1, 2, 3]).n for name in WORKED}
    two = {"bwt", "fm", "fm_clamped", "fwt"}
    assert entered == {name: 2 if name in two else 3 for name in WORKED}


# A step schedule: three categories first, two in the second experience.
STEP = [[0.9, 0.8, 1.0, 0.4, 0.6], [0.7, 0.9, 0.7, 0.8, 0.6]]
STEP_S = [1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("name", "value", "n"),
    [
        ("acc", 0.74, 5),
        ("acc_incremental", (0.9 + 0.74) / 2, 5),
        ("acc_learned", (0.9 + 0.8 + 1.0 + 0.8 + 0.6) / 5, 5),
        ("bwt", (-0.2 + 0.1 - 0.3) / 3, 3),
        ("bwt_all", (-0.2 + 0.1 - 0.3) / 5, 5),
        ("fm", (0.2 - 0.1 + 0.3) / 3, 3),
        ("fm_clamped", (0.2 + 0.3) / 3, 3),
        ("worst_drop", -0.3, 5),
        ("fwt", (-0.1 + 0.1) / 2, 2),
    ],
)
def test_step_schedule_by_hand(name: str, value: float, n: int) -> None:
    measured = measure(name, STEP, STEP_S)
    assert (measured.value, measured.n) == (pytest.approx(value), n)


def test_acc_incremental_weighs_experiences_not_categories() -> None:
    """10-5: ten categories at 1.0, then all fifteen at 0.4."""
    R = np.vstack([np.ones(15), np.full(15, 0.4)])
    s = [1] * 10 + [2] * 5
    assert continual.acc_incremental(R, s).value == pytest.approx(0.7)
    assert continual.bwt(R, s) == Measured(pytest.approx(-0.6), 10)


def test_cells_of_unseen_categories_do_not_enter_acc_incremental() -> None:
    seen_only = np.where(np.tri(3).astype(bool), FIRST, nan)
    assert continual.acc_incremental(FIRST, [1, 2, 3]) == continual.acc_incremental(
        seen_only, [1, 2, 3]
    )


def test_one_experience_has_no_forgetting_to_measure() -> None:
    R, s = [[0.9, 0.7]], [1, 1]
    for name in ("bwt", "fm", "fm_clamped", "fwt"):
        measured = measure(name, R, s)
        assert math.isnan(measured.value), name
        assert measured.n == 0
    assert continual.acc(R, s) == Measured(pytest.approx(0.8), 2)
    assert continual.bwt_all(R, s) == Measured(0.0, 2)
    assert continual.worst_drop(R, s) == Measured(0.0, 2)


def test_one_category() -> None:
    assert continual.acc([[0.9]], [1]) == Measured(0.9, 1)
    assert continual.expert_forgetting([[0.9]], [1], [0]) == Measured(0.0, 1)


@pytest.mark.parametrize("name", [*OF_MATRIX, "fwt"])
def test_an_undefined_category_changes_nothing_but_the_mean_it_leaves(name: str) -> None:
    R = np.insert(np.array(SECOND), 1, nan, axis=1)
    assert measure(name, R, [1, 2, 2, 3]) == measure(name, SECOND, [1, 2, 3])


@pytest.mark.parametrize("name", [*OF_MATRIX, "fwt"])
def test_a_matrix_of_undefined_cells_has_no_mean(name: str) -> None:
    measured = measure(name, np.full((3, 2), nan), [1, 2])
    assert math.isnan(measured.value)
    assert measured.n == 0


def test_fm_skips_undefined_cells_between() -> None:
    R = [[0.7, nan], [nan, 0.8], [0.9, 0.8], [0.5, 0.8]]
    assert continual.fm(R, [1, 2]) == Measured(pytest.approx((0.4 + 0.0) / 2), 2)


def test_a_category_undefined_at_either_end_does_not_enter() -> None:
    at_learning = [[nan, 0.9], [0.8, 0.9], [0.6, 0.8]]
    at_the_end = [[0.9, 0.9], [0.8, 0.9], [nan, 0.8]]
    for R in (at_learning, at_the_end):
        assert continual.fm(R, [1, 1]) == Measured(pytest.approx(0.1), 1)
        assert continual.bwt(R, [1, 1]) == Measured(pytest.approx(-0.1), 1)


def test_fwt_reads_the_row_before_learning() -> None:
    R = [[nan, 0.6, 0.0], [nan, 0.0, 0.9], [nan, 0.0, 0.0]]
    assert continual.fwt(R, [1, 2, 3]) == Measured(pytest.approx((0.1 + 0.4) / 2), 2)


def test_fwt_takes_a_chance_level_for_each_category() -> None:
    assert continual.fwt(FIRST, [1, 2, 3], [0.0, 0.4, 0.3]) == Measured(pytest.approx(0.1), 2)


def test_experts_have_equal_weight_whatever_the_number_of_their_categories() -> None:
    R = [[1.0, 1.0, 1.0], [0.8, 0.6, 0.9]]
    assert continual.expert_forgetting(R, [1, 1, 1], [4, 4, 7]).value == pytest.approx(-0.2)
    assert continual.expert_worst_drop(R, [1, 1, 1], [4, 4, 7]).value == pytest.approx(-0.25)


def test_categories_without_owner_enter_no_expert() -> None:
    R = [[1.0, 1.0], [0.8, 0.0]]
    assert continual.expert_forgetting(R, [1, 1], [0, -1]) == Measured(pytest.approx(-0.2), 1)
    assert math.isnan(continual.expert_forgetting(R, [1, 1], [-1, -1]).value)


def test_gap_to_joint_uses_the_categories_that_both_define() -> None:
    assert continual.gap_to_joint([[0.8, 0.7, nan]], [1, 1, 1], [[0.9, nan, 0.9]]) == Measured(
        pytest.approx(0.1), 1
    )


def test_gap_to_joint_is_positive_where_joint_is_better() -> None:
    gap = continual.gap_to_joint(FIRST, [1, 2, 3], [[0.9, 0.9, 0.9]])
    assert gap == Measured(pytest.approx(0.1), 3)


def test_pooled_auroc_sees_scales_that_differ_between_categories() -> None:
    scores = [0.1, 0.2, 10.0, 20.0]
    labels = [0, 1, 0, 1]
    category = [0, 0, 1, 1]
    both = inferred_routing.pooled_auroc(scores, labels, category, [1, 2], t=2)
    assert both == Measured(0.75, 2)
    assert inferred_routing.pooled_auroc(scores, labels, category, [1, 2], t=1) == Measured(1.0, 1)


def test_routing_accuracy_is_a_share_of_images() -> None:
    route, category = [0, 1, 1, 1, 0], [0, 0, 1, 1, 1]
    accuracy = inferred_routing.routing_accuracy(route, category, [0, 1])
    assert accuracy == Measured(pytest.approx(0.6), 2)


def test_images_without_route_or_owner_do_not_enter_routing_accuracy() -> None:
    assert inferred_routing.routing_accuracy([-1, 1, 0], [0, 0, 1], [1, -1]) == Measured(1.0, 1)
    assert math.isnan(inferred_routing.routing_accuracy([-1], [0], [0]).value)


@pytest.mark.parametrize(
    ("R", "s", "message"),
    [
        ([0.5, 0.5], [1, 1], "must be"),
        ([[0.5, 0.5]], [1], "must be"),
        ([[0.5]], [0], "from 1 to 1"),
        ([[0.5]], [2], "from 1 to 1"),
        ([[math.inf]], [1], "infinite"),
        (np.empty((0, 2)), [1, 1], "must be"),
    ],
)
def test_malformed_input_is_refused(R, s, message: str) -> None:
    with pytest.raises(CadbenchError, match=message):
        continual.acc(R, s)


@st.composite
def runs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    T, C = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    cell = st.one_of(st.just(nan), st.floats(0, 1))
    R = draw(arrays(np.float64, (T, C), elements=cell))
    return R, draw(arrays(np.int64, C, elements=st.integers(1, T)))


@given(runs())
def test_metrics_equal_a_plain_reading_of_the_definitions(run) -> None:
    R, s = run
    T, C = R.shape

    def mean(values: list[float]) -> float:
        defined = [value for value in values if not math.isnan(value)]
        return sum(defined) / len(defined) if defined else nan

    def r(t: int, c: int) -> float:
        return float(R[t - 1, c])

    def fall(c: int) -> float:
        past = [r(t, c) for t in range(s[c], T) if not math.isnan(r(t, c))]
        return nan if math.isnan(r(s[c], c)) else max(past) - r(T, c)

    change = [r(T, c) - r(s[c], c) for c in range(C)]
    falls = [fall(c) for c in range(C) if s[c] < T]
    seen = [mean([r(t, c) for c in range(C) if s[c] <= t]) for t in range(1, T + 1)]
    expected = {
        "acc": mean([r(T, c) for c in range(C)]),
        "acc_incremental": mean(seen),
        "acc_learned": mean([r(s[c], c) for c in range(C)]),
        "bwt": mean([change[c] for c in range(C) if s[c] < T]),
        "bwt_all": mean(change),
        "fm": mean(falls),
        "fm_clamped": mean([fall if math.isnan(fall) else max(fall, 0.0) for fall in falls]),
        "worst_drop": min((x for x in change if not math.isnan(x)), default=nan),
        "fwt": mean([r(s[c] - 1, c) - 0.5 for c in range(C) if s[c] > 1]),
    }
    for name, value in expected.items():
        assert measure(name, R, s).value == pytest.approx(value, abs=1e-12, nan_ok=True), name


@given(runs(), st.randoms(use_true_random=False))
def test_the_order_of_columns_does_not_matter(run, random) -> None:
    R, s = run
    columns = list(range(R.shape[1]))
    random.shuffle(columns)
    for name in [*OF_MATRIX, "fwt"]:
        before, after = measure(name, R, s), measure(name, R[:, columns], s[columns])
        assert after.value == pytest.approx(before.value, abs=1e-12, nan_ok=True)
        assert after.n == before.n


@given(runs(), st.integers(0, 2**32 - 1))
def test_a_stack_of_matrices_has_the_values_of_each(run, seed: int) -> None:
    R, s = run
    noise = np.random.Generator(np.random.PCG64(seed)).normal(0, 0.1, (3, *R.shape))
    stack = R + noise  # undefined in the same places
    owner = np.arange(len(s)) % 3 - 1
    third = {
        "matrix": lambda R: (),
        "chance": lambda R: (0.3,),
        "owners": lambda R: (owner,),
        "joint": lambda R: (R[..., ::-1, :] + 0.1,),
    }
    for metric in MATRIX_METRICS.values():
        more = third[metric.needs]
        stacked = metric.function(stack, s, *more(stack))
        each = [metric.function(matrix, s, *more(matrix)) for matrix in stack]
        assert np.shape(stacked.value) == (3,)
        assert stacked.value == pytest.approx([m.value for m in each], nan_ok=True, abs=1e-12)
        assert {stacked.n} == {m.n for m in each}


LOWER = CATEGORY_METRICS["fpr95"]
RATES = np.array([[0.1, 0.9, 0.95], [0.05, 0.2, 1.0], [0.4, 0.15, 0.05]])


@pytest.mark.parametrize(
    ("name", "third", "value"),
    [
        ("acc", None, 0.2),
        ("acc_incremental", None, (0.1 + 0.125 + 0.2) / 3),
        ("acc_learned", None, 0.35 / 3),
        ("bwt", None, (0.3 - 0.05) / 2),
        ("bwt_all", None, (0.3 - 0.05) / 3),
        ("fm", None, (0.35 - 0.05) / 2),  # from the lowest rate: 0.05 and 0.2
        ("fm_clamped", None, 0.35 / 2),
        ("worst_drop", None, 0.3),  # the highest rise
        ("fwt", [0.95, 0.95, 0.95], (-0.05 + 0.05) / 2),
        ("expert_forgetting", [0, 0, 1], (0.125 + 0.0) / 2),
        ("expert_worst_drop", [0, 0, 1], (0.3 + 0.0) / 2),
        ("gap_to_joint", [[0.1, 0.1, 0.1]], 0.1),  # higher rates than joint: worse
    ],
)
def test_where_lower_is_better_by_hand(name: str, third, value: float) -> None:
    measured = MATRIX_METRICS[name].measure(LOWER, RATES, np.array([1, 2, 3]), third)
    assert measured.value == pytest.approx(value)
    assert math.copysign(1, measured.value or 1) == math.copysign(1, value or 1)


@given(runs())
def test_a_rate_is_measured_as_its_complement(run) -> None:
    """A metric where lower is better says the same as 1 minus it: its worse is that one's worse."""
    R, s = run
    owner, joint = np.arange(len(s)) % 2, R[::-1]
    chance = np.full(len(s), 0.3)
    third = {"matrix": (None, None), "chance": (chance, 1 - chance), "owners": (owner, owner)}
    third["joint"] = joint, 1 - joint
    higher = CATEGORY_METRICS["auroc"]
    for metric in MATRIX_METRICS.values():
        mine, other = third[metric.needs]
        rate = metric.measure(LOWER, R, s, mine)
        share = metric.measure(higher, 1 - R, s, other)
        assert rate.n == share.n
        level = metric.name in ("acc", "acc_incremental", "acc_learned")
        expected = share.value if metric.is_loss else level - share.value
        assert rate.value == pytest.approx(expected, abs=1e-12, nan_ok=True), metric.name


def test_signs_and_directions_turn_with_the_metric_unless_it_is_a_loss() -> None:
    bwt, fm = MATRIX_METRICS["bwt"], MATRIX_METRICS["fm"]
    assert (bwt.better_of(LOWER), bwt.sign_of(LOWER)) == ("lower", "positive = forgetting")
    assert (fm.better_of(LOWER), fm.sign_of(LOWER)) == ("lower", "positive = forgetting")
    assert "min over s(c) <= t < T" in fm.formula_of(LOWER)
    assert MATRIX_METRICS["acc"].sign_of(LOWER) == ""
