"""Expert assignment by cosine similarity, case by case."""

from __future__ import annotations

import numpy as np
import pytest
from cadbench.mecad.assignment import (
    ABOVE_THRESHOLD,
    BELOW_THRESHOLD,
    FIRST,
    GIVEN,
    NO_ROOM_AT_ALL,
    NO_ROOM_IN_USED,
    NO_UNUSED,
    RANDOM,
    RANDOM_OF_ALL,
    ROUND_ROBIN,
    assign_at_random,
    assign_by_group,
    assign_by_similarity,
    assign_in_turn,
    cosine,
)
from cadbench.results.errors import UsageError

NEAR, FAR = np.array([1.0, 0.1]), np.array([0.1, 1.0])
TARGET = np.array([1.0, 0.0])


def choose(means, loads, *, experts=3, threshold=0.9, room=2):
    return assign_by_similarity(
        TARGET, means, loads, experts=experts, threshold=threshold, categories_per_expert=room
    )


def test_the_first_category_goes_to_expert_0():
    chosen = choose({}, {})
    assert (chosen.expert, chosen.reason, dict(chosen.similarities)) == (0, FIRST, {})


def test_a_category_joins_the_most_similar_expert_above_the_threshold():
    chosen = choose({0: FAR, 1: NEAR}, {0: 1, 1: 1})
    assert (chosen.expert, chosen.reason) == (1, ABOVE_THRESHOLD)
    assert chosen.similarities[1] == pytest.approx(1 / np.sqrt(1.01))


def test_similarity_equal_to_the_threshold_does_not_exceed_it():
    chosen = choose({0: TARGET}, {0: 1}, threshold=1.0)
    assert (chosen.expert, chosen.reason) == (1, BELOW_THRESHOLD)


def test_an_unlike_category_opens_the_first_unused_expert():
    chosen = choose({0: FAR, 2: FAR}, {0: 1, 2: 1})
    assert (chosen.expert, chosen.reason) == (1, BELOW_THRESHOLD)


def test_without_unused_experts_the_most_similar_with_room_takes_it_whatever_the_threshold():
    chosen = choose({0: FAR, 1: NEAR}, {0: 1, 1: 2}, experts=2)
    assert (chosen.expert, chosen.reason) == (0, NO_UNUSED)


def test_a_full_expert_is_passed_over_for_an_unused_one():
    chosen = choose({0: NEAR}, {0: 2})
    assert (chosen.expert, chosen.reason) == (1, NO_ROOM_IN_USED)


def test_when_every_expert_is_full_the_most_similar_of_all_takes_it():
    chosen = choose({0: FAR, 1: NEAR}, {0: 2, 1: 2}, experts=2)
    assert (chosen.expert, chosen.reason) == (1, NO_ROOM_AT_ALL)


def test_ties_go_to_the_lowest_expert():
    assert choose({1: NEAR, 0: NEAR}, {0: 1, 1: 1}).expert == 0


def test_the_cosine_of_a_zero_vector_is_zero():
    assert cosine(np.zeros(2), TARGET) == 0


def draws(loads, *, experts, room):
    chosen = [
        assign_at_random(
            {}, loads, np.random.default_rng(seed), experts=experts, categories_per_expert=room
        )
        for seed in range(300)
    ]
    return {c.reason for c in chosen}, np.bincount([c.expert for c in chosen], minlength=experts)


def test_random_assignment_is_uniform_over_used_and_unused_experts_with_room():
    reasons, counts = draws({0: 2, 1: 1}, experts=4, room=2)
    assert reasons == {RANDOM}
    assert counts[0] == 0
    assert counts[1:].min() > 70


def test_random_assignment_draws_among_all_where_none_has_room():
    reasons, counts = draws({0: 2, 1: 2}, experts=2, room=2)
    assert reasons == {RANDOM_OF_ALL}
    assert counts.min() > 110


def test_round_robin_takes_the_experts_in_turn():
    chosen = [assign_in_turn({}, before, experts=3) for before in range(7)]
    assert [c.expert for c in chosen] == [0, 1, 2, 0, 1, 2, 0]
    assert {c.reason for c in chosen} == {ROUND_ROBIN}


def test_given_groups_name_the_expert():
    groups = (("bolt", "gear"), ("cork",))
    chosen = [assign_by_group({0: 0.9}, category, groups) for category in ("gear", "cork")]
    assert [(c.expert, c.reason) for c in chosen] == [(0, GIVEN), (1, GIVEN)]
    with pytest.raises(UsageError, match="leaves out dial"):
        assign_by_group({}, "dial", groups)
