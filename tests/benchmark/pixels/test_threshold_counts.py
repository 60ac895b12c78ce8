"""Counts of values by threshold equal those from sorting the values."""

from __future__ import annotations

import numpy as np
import pytest
from cadbench.benchmark.pixels.threshold_counts import ThresholdBuckets
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def by_sorting(thresholds: np.ndarray, values: np.ndarray) -> list[list[int]]:
    """(2, U): numbers of values above each threshold, and at or above it."""
    ranked = np.sort(values)
    places = (np.searchsorted(ranked, thresholds, side=side) for side in ("right", "left"))
    return [(len(ranked) - place).tolist() for place in places]


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds and values: with ties, of every magnitude, tiny, or with one far outlier."""
    number = draw(
        st.sampled_from(
            [
                st.integers(-4, 4).map(float),
                st.floats(width=32, allow_nan=False, allow_infinity=False),
                st.floats(-(2.0**-130), 2.0**-130, width=32),
                st.one_of(st.floats(0, 2.0**-10, width=32), st.just(65504.0)),
            ]
        )
    )
    thresholds = np.unique(draw(arrays(np.float32, st.integers(1, 30), elements=number)))
    others = st.one_of(number, st.sampled_from([*map(float, thresholds), -np.inf, np.inf]))
    return thresholds, draw(arrays(np.float32, st.integers(0, 60), elements=others))


@settings(deadline=None, max_examples=200)
@given(problems())
def test_counts_are_those_of_sorting(problem):
    thresholds, values = problem
    buckets = ThresholdBuckets.build(thresholds)
    assert buckets.count([values]).tolist() == by_sorting(thresholds, values)
    assert not buckets.count([]).any()


@pytest.mark.parametrize("spread", [1.0, 1e6])
@pytest.mark.parametrize("count", [9_000, 80_000])  # the latter do not fit 16 bits
def test_counts_of_thousands_are_those_of_sorting(spread, count):
    rng = np.random.Generator(np.random.PCG64(0))
    values = rng.gamma(2, 1, 20_000).astype(np.float32)
    thresholds = rng.gamma(4, 1, count).astype(np.float32)
    values[::7] = thresholds[rng.integers(0, count, len(values[::7]))]
    values[::11] = -np.inf
    thresholds[0] *= spread  # an outlier that may leave one bucket for all others
    distinct = np.unique(thresholds)
    assert (len(distinct) > 2**16) == (count > 9_000)
    for chunks in ([values], np.array_split(values, 7)):
        assert ThresholdBuckets.build(distinct).count(chunks).tolist() == by_sorting(
            distinct, values
        )
