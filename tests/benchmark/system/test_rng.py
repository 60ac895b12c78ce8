"""Generators: what they depend on, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
from cadbench.benchmark.system.rng import generator


def test_a_generator_depends_on_seed_purpose_and_name_alone():
    first = generator(3, "replay", "bottle").random(5)
    generator(3, "replay", "cable").random(100)
    np.testing.assert_array_equal(generator(3, "replay", "bottle").random(5), first)


@pytest.mark.parametrize(
    "other", [(4, "replay", "bottle"), (3, "order", "bottle"), (3, "replay", "cable")]
)
def test_another_seed_purpose_or_name_draws_other_numbers(other):
    assert (generator(*other).random(5) != generator(3, "replay", "bottle").random(5)).all()


def test_purpose_and_name_do_not_run_into_one_another():
    assert generator(1, "ab", "c").random() != generator(1, "a", "bc").random()
    assert generator(1, "1", "").random() != generator(11, "", "").random()


def test_the_seed_is_made_in_the_same_way_in_every_release():
    raw = generator(0, "order").bit_generator.random_raw(2)
    assert raw.tolist() == [6156181528059136220, 13729353111984977032]


def test_drawing_leaves_the_global_state_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    generator(0, "order").random(10)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
