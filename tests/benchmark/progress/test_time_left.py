"""Time left: from finished cells of the same method, and none where that would be a guess."""

from __future__ import annotations

from cadbench.benchmark.progress.time_left import TimeLeft

CHEAP = ("patchcore", "")
DEAR = ("replay", "")


def test_there_is_no_estimate_before_each_method_left_has_a_finished_cell():
    time_left = TimeLeft([CHEAP] * 2 + [DEAR] * 3)
    assert time_left.estimate(0) is None
    time_left.finish(CHEAP, 1)
    time_left.finish(CHEAP, 1)
    assert time_left.estimate(2) is None
    time_left.finish(DEAR, 30)
    assert time_left.estimate(32) == 60


def test_each_method_is_estimated_from_its_own_cells():
    time_left = TimeLeft([CHEAP] * 3 + [DEAR] * 3)
    time_left.finish(DEAR, 20)
    time_left.finish(DEAR, 40)
    time_left.finish(CHEAP, 1)
    assert time_left.estimate(61) == 30 + 2 * 1


def test_parameters_of_a_sweep_cost_like_the_latest_until_one_of_their_own_is_finished():
    kinds = [("mecad", f"experts={n}") for n in (3, 2, 1)]
    time_left = TimeLeft([kind for kind in kinds for _ in range(2)])
    time_left.finish(kinds[0], 30)
    time_left.finish(kinds[0], 10)
    assert time_left.estimate(40) == 4 * 20
    time_left.finish(kinds[1], 2)  # shares the work of the first ones
    assert time_left.estimate(42) == 3 * 2


def test_a_reused_cell_tells_nothing_about_the_others():
    time_left = TimeLeft([DEAR] * 4)
    time_left.finish(DEAR, 0)
    assert time_left.estimate(1) is None
    time_left.finish(DEAR, 30)
    assert time_left.estimate(30) == 60


def test_cells_computed_at_the_same_time_take_less_than_the_sum_of_their_costs():
    time_left = TimeLeft([DEAR] * 8)
    for _ in range(4):
        time_left.finish(DEAR, 30)
    assert time_left.estimate(elapsed=60) == 60


def test_where_nothing_is_left_nothing_is():
    time_left = TimeLeft([DEAR])
    time_left.finish(DEAR, 30)
    assert time_left.estimate(30) == 0
