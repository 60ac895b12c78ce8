"""The two-level memory: buffers, replayed rows, and the paper's utilization table."""

from __future__ import annotations

import numpy as np
import pytest
from cadbench.mecad.memory import Budgets, count_stored_rows, select_replayed_rows
from hypothesis import given
from hypothesis import strategies as st

PAPER = Budgets(per_category=400, per_expert=2400, ratio=0.2)


@pytest.mark.parametrize(
    ("categories", "buffer"), [(1, 400), (5, 400), (6, 400), (7, 342), (15, 160), (3000, 1)]
)
def test_a_buffer_is_the_category_budget_or_its_share_of_the_expert_budget(categories, buffer):
    assert PAPER.buffer(400, categories) == buffer


def test_a_buffer_is_never_larger_than_the_coreset():
    assert PAPER.buffer(37, 1) == 37


@pytest.mark.parametrize(
    ("buffer", "ratio", "count"),
    [(400, 0.2, 80), (342, 0.2, 69), (100, 0.07, 7), (1, 0.2, 1), (7, 1.0, 7)],
)
def test_the_replayed_share_is_rounded_up_exactly(buffer, ratio, count):
    budgets = Budgets(400, 2400, ratio)
    assert budgets.replayed(buffer, 0, 1) == count


def test_a_share_of_a_budget_is_divided_among_the_older_categories_oldest_first():
    budgets = Budgets(per_category=12, per_expert=40, ratio=0.25, replay_share="expert_budget")
    assert [budgets.replayed(9, place, 3) for place in range(3)] == [4, 3, 3]
    assert [budgets.replayed(9, place, 1) for place in range(1)] == [9]
    of_class = Budgets(per_category=12, per_expert=40, ratio=0.25, replay_share="class_budget")
    assert [of_class.replayed(9, place, 5) for place in range(5)] == [1] * 5


def test_random_replay_takes_the_smallest_priorities_of_the_buffer():
    priorities = np.array([0.9, 0.1, 0.8, 0.2, 0.0])
    np.testing.assert_array_equal(
        select_replayed_rows("random", 4, priorities, lambda n: n // 2, None), [1, 3]
    )


def test_full_replay_keeps_the_whole_buffer():
    np.testing.assert_array_equal(
        select_replayed_rows("full", 3, np.zeros(9), lambda n: 1, None), [0, 1, 2]
    )


def test_shrinking_replay_takes_its_share_of_what_is_left_at_every_update():
    priorities = np.random.default_rng(1).random(400)
    rows, counts = None, []
    for _ in range(4):
        rows = select_replayed_rows(
            "shrink", 400, priorities, lambda n: PAPER.replayed(n, 0, 1), rows
        )
        counts.append(len(rows))
    assert counts == [80, 16, 4, 1]


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32))
def test_stored_rows_count_shared_vectors_once(buffer, scoring, seed):
    rows = np.random.default_rng(seed).permutation(100)[:scoring]
    expected = len(set(rows.tolist()) | set(range(buffer)))
    assert count_stored_rows({"c": rows}, {"c": buffer}) == expected
