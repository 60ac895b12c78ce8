"""Generators: what they depend on, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.system.rng import generator, seeded_torch


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


def drawn(seed: int, purpose: str, name: str) -> list[float]:
    with seeded_torch(seed, purpose, name, torch.device("cpu")):
        return torch.rand(3).tolist()


def test_torchs_numbers_depend_on_seed_purpose_and_name_alone_and_change_nothing_outside():
    before = torch.get_rng_state()
    first = drawn(3, "train", "1")
    torch.rand(5)
    assert drawn(3, "train", "1") == first
    others = [drawn(4, "train", "1"), drawn(3, "test", "1"), drawn(3, "train", "2")]
    assert first not in others
    torch.set_rng_state(before)
    drawn(3, "train", "1")
    assert torch.equal(torch.get_rng_state(), before)


def test_torchs_generators_are_restored_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(ValueError), seeded_torch(0, "a", "", torch.device("cpu")):
        raise ValueError
    assert torch.equal(torch.get_rng_state(), before)
