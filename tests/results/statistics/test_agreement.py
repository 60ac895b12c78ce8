"""Agreement of assignments, by numbers computed by hand."""

from __future__ import annotations

import pytest
from cadbench.results.statistics.agreement import agreement, best_matching

THEIRS = {"a": 0, "b": 0, "c": 0, "d": 1, "e": 1, "f": 1}
OURS = {"a": 0, "b": 0, "c": 1, "d": 1, "e": 1, "f": 1}


def test_the_numbers_of_the_experts_do_not_matter() -> None:
    renamed = {name: {0: 7, 1: 3}[expert] for name, expert in THEIRS.items()}
    for same in (THEIRS, renamed):
        found = agreement(same, THEIRS)
        assert found.rand == 1
        assert (found.together, found.apart, found.pairs) == (6, 9, 15)
        assert (found.matched, found.categories) == (6, 6)


def test_a_category_in_another_group_is_worked_out_by_hand() -> None:
    # Together in both: {a, b}, and {d, e, f} three times. Together in theirs 6, in ours 1 + 6.
    found = agreement(OURS, THEIRS)
    assert (found.together, found.apart) == (4, 15 - 6 - 7 + 4)
    expected = 6 * 7 / 15
    assert found.rand == pytest.approx((4 - expected) / ((6 + 7) / 2 - expected))
    assert found.matched == 5


def test_only_categories_that_both_assign_count() -> None:
    found = agreement({"a": 0, "d": 0, "z": 1}, THEIRS)
    assert (found.categories, found.pairs, found.together) == (2, 1, 0)
    assert agreement({}, THEIRS).categories == 0


def test_experts_are_matched_one_to_one_for_the_most_categories() -> None:
    assert best_matching(OURS, THEIRS) == {0: 0, 1: 1}
    # Both of theirs share most with expert 5; the matching that keeps most gives it to 1.
    assert best_matching(dict.fromkeys("bcdef", 5) | {"a": 2}, THEIRS) == {0: 2, 1: 5}
    assert best_matching({"a": 4, "b": 4}, THEIRS) == {0: 4}
