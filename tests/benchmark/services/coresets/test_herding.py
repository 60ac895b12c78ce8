"""Herding picks what a plain loop of iCaRL's algorithm without normalization picks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.services.coresets import herding as module
from cadbench.benchmark.services.coresets.herding import herding
from cadbench.results.errors import DataError, UsageError
from hypothesis import given, settings
from hypothesis import strategies as st


def plain_herding(patches: np.ndarray, k: int) -> list[int]:
    """iCaRL, algorithm 4, without its normalization: one pass over all patches a pick."""
    rows = patches.astype(np.float64)
    mean, total, picks = rows.mean(0), np.zeros(rows.shape[1]), []
    for count in range(1, min(k, len(rows)) + 1):
        missed = ((mean - (rows + total) / count) ** 2).sum(1)
        missed[picks] = np.inf
        picks.append(int(missed.argmin()))
        total += rows[picks[-1]]
    return picks


@given(st.integers(1, 60), st.integers(1, 6), st.integers(1, 70), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_picks_are_those_of_the_plain_loop(count, dim, k, seed):
    patches = np.random.default_rng(seed).normal(1, 1, (count, dim)).astype(np.float16)
    assert herding(patches, k).tolist() == plain_herding(patches, k)


@pytest.mark.parametrize("subspace", [1, 3, 128])
def test_picks_are_the_same_however_many_dimensions_rule_patches_out(monkeypatch, subspace):
    monkeypatch.setattr(module, "_SUBSPACE_DIM", subspace)
    monkeypatch.setattr(module, "_SAMPLE", 100)
    monkeypatch.setattr(module, "_EXACT_BATCH", 7)
    patches = np.random.default_rng(0).gamma(1, 1, (500, 12)).astype(np.float16)
    pieces = [patches[:123], patches[123:]]
    assert herding(pieces, 80).tolist() == plain_herding(patches, 80)
    assert herding(torch.from_numpy(patches), 80).tolist() == plain_herding(patches, 80)


def test_a_hand_worked_example():
    # The mean is 2.5: 2 is nearest (3 as near, but later); then 3 makes the mean of both 2.5,
    # then 1 and 4 would miss by as much (0.5), the first of them stays; 4 brings it back.
    assert herding(np.array([[1], [2], [3], [4]], np.float32), 9).tolist() == [1, 2, 0, 3]


def test_equal_patches_are_taken_in_order():
    assert herding(np.ones((5, 3), np.float16), 4).tolist() == [0, 1, 2, 3]


def test_values_that_are_not_finite_and_sizes_below_one_are_refused():
    patches = np.zeros((9, 2), np.float16)
    with pytest.raises(UsageError, match="at least 1"):
        herding(patches, 0)
    patches[4, 1] = np.nan
    with pytest.raises(DataError, match="not finite"):
        herding(patches, 3)
