"""The signed-rank test against SciPy where that is exact, and against all signs where it is not."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from cadbench.results.statistics.wilcoxon import signed_ranks, smallest_p
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, wilcoxon


@given(st.lists(st.integers(-60, 60).filter(bool), min_size=2, max_size=12, unique_by=abs))
def test_without_ties_and_zeros_p_is_scipys_exact_one(differences) -> None:
    expected = wilcoxon(differences, method="exact").pvalue
    assert signed_ranks(differences).p == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=8).filter(any))
def test_with_ties_and_zeros_p_is_the_share_of_signs_as_far_out(differences) -> None:
    values = np.array(differences)
    ranks = rankdata(np.abs(values))[values != 0]
    observed = ranks[values[values != 0] > 0].sum()
    sums = [
        sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign)
        for signs in itertools.product([0, 1], repeat=len(ranks))
    ]
    tail = min(np.mean([s <= observed for s in sums]), np.mean([s >= observed for s in sums]))
    assert signed_ranks(values).p == pytest.approx(min(1.0, 2 * tail), abs=1e-12)


def test_the_p_with_ties_and_zeros_is_scipys_by_permutation() -> None:
    from scipy.stats import PermutationMethod

    differences = [0, 0.1, 0.1, -0.1, 0.2, 0.3, 0.3, 0.5, 0]
    every = wilcoxon(
        differences, zero_method="pratt", method=PermutationMethod(n_resamples=10**6)
    ).pvalue
    assert signed_ranks(differences).p == pytest.approx(every, abs=1e-12)


def test_many_differences_take_the_normal_approximation_and_agree_with_it(monkeypatch) -> None:
    rng = np.random.Generator(np.random.PCG64(0))
    differences = rng.normal(0.1, 1, 301).round(1)
    near = signed_ranks(differences).p
    assert near == wilcoxon(differences, zero_method="pratt", method="approx").pvalue
    monkeypatch.setattr("cadbench.results.statistics.wilcoxon._EXACT", 1000)
    assert signed_ranks(differences).p == pytest.approx(near, rel=0.02)


def test_the_effect_by_hand() -> None:
    # ranks of 1, 2, 3, 4: positive 2 + 3 + 4, negative 1
    assert signed_ranks([-0.1, 0.2, 0.3, 0.4]).effect == pytest.approx(0.8)
    assert signed_ranks([0.1, 0.2]).effect == 1.0
    # a zero takes the first rank and leaves: 2 against 3
    assert signed_ranks([0.0, 0.2, -0.3]).effect == pytest.approx(-0.2)


@pytest.mark.parametrize("differences", [[], [0.3], [0.0, 0.0, 0.0]])
def test_too_little_to_test_has_no_p(differences) -> None:
    assert math.isnan(signed_ranks(differences).p)


def test_nothing_but_zeros_has_no_effect() -> None:
    assert math.isnan(signed_ranks([0.0, 0.0]).effect)


@pytest.mark.parametrize("n", [2, 5, 9])
def test_the_smallest_p_is_that_of_one_sign(n: int) -> None:
    assert signed_ranks(np.arange(1, n + 1)).p == pytest.approx(smallest_p(n))
