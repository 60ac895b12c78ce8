"""Draws: the same for the same images, as many of each label as there are, crossed factors."""

from __future__ import annotations

import numpy as np
from cadbench.results.statistics.bootstrap_draws import Draws

IDS = ["a", "b", "c", "d", "e"]
LABELS = np.array([0, 0, 1, 1, 1]) == 1


def test_every_replicate_holds_as_many_images_of_each_label_as_there_are() -> None:
    counts = Draws(200).images(IDS, LABELS)
    assert counts.shape == (5, 200)
    assert (counts[:2].sum(axis=0) == 2).all()
    assert (counts[2:].sum(axis=0) == 3).all()


def test_a_draw_depends_on_the_images_and_the_seed_alone() -> None:
    first = Draws(50)
    first.images(["x", "y"], np.array([False, True]))
    again = Draws(50).images(IDS, LABELS)
    assert (first.images(IDS, LABELS) == again).all()
    assert (Draws(20).images(IDS, LABELS) == again[:, :20]).all()
    assert (Draws(50, seed=1).images(IDS, LABELS) != again).any()
    assert (Draws(50).images([*IDS[:4], "f"], LABELS)[2:] != again[2:]).any()


def test_counts_are_those_of_drawing_with_replacement() -> None:
    counts = Draws(20_000).sample(["a", "b", "c"])
    assert np.abs(counts.mean(axis=1) - 1).max() < 0.02
    assert np.abs(counts.var(axis=1) - 2 / 3).max() < 0.02


def test_seeds_and_orders_are_resampled_separately_and_multiplied() -> None:
    draws = Draws(100)
    seeds, orders = ["0", "0", "1", "1"], ["x", "y", "x", "y"]
    counts = draws.runs(seeds, orders)
    assert (counts == draws.runs(seeds, ["x"] * 4) * draws.runs(["0"] * 4, orders)).all()
    assert (counts[0] * counts[3] == counts[1] * counts[2]).all()


def test_one_level_is_no_draw() -> None:
    assert (Draws(30).runs(["0"] * 3, ["x"] * 3) == 1).all()
