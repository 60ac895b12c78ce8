"""AUPIMO equals a plain evaluation threshold by threshold, and worked examples of anomalib."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from cadbench.benchmark.pixels.aupimo import FPR_BOUNDS, HighestScores, aupimo, highest_scores
from cadbench.benchmark.pixels.maps import MapSpec, full_maps
from cadbench.benchmark.pixels.metrics import pixel_metrics
from cadbench.benchmark.pixels.truth import Truth
from hypothesis import given, settings
from hypothesis import strategies as st


def highest(
    normal: np.ndarray, bounds: tuple[float, float] = FPR_BOUNDS, chunks: int = 1
) -> HighestScores:
    parts = torch.from_numpy(normal.ravel().astype(np.float32)).tensor_split(chunks)
    return highest_scores((part for part in parts if len(part)), normal.size, bounds)


def plain_aupimo(
    normal: np.ndarray, anomalous: list[np.ndarray], bounds: tuple[float, float]
) -> float:
    """The curve at 20,000 rates: at each, between the points of the normal scores around it."""
    low, high = map(math.log, bounds)
    rates = np.exp(low + (np.arange(20_000) + 0.5) / 20_000 * (high - low))
    values = np.unique(normal)[::-1]
    passed = [
        compare for value in values for compare in ((np.greater, value), (np.greater_equal, value))
    ]
    x = np.array([compare(normal, value).mean() for compare, value in passed])
    after = np.searchsorted(x, rates)
    before = after - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (np.log(rates) - np.log(x[before])) / (np.log(x[after]) - np.log(x[before]))
    areas = []
    for scores in anomalous:
        y = np.array([compare(scores, value).mean() for compare, value in passed])
        areas.append(
            (y[before] + np.where(x[before] > 0, share, 0) * (y[after] - y[before])).mean()
        )
    return float(np.mean(areas))


# Of a million normal pixels, 10 ** -k score above k: 900,000 score 1, 90,000 score 2, and so on.
DECADES = np.repeat(np.arange(1, 8), [900_000, 90_000, 9_000, 900, 90, 9, 1])


@pytest.mark.parametrize(
    ("bounds", "areas"),
    [
        ((1e-1, 1.0), [(0.1 + 1) / 2, 1.0]),
        ((1e-3, 1e-1), [(0.0055 + 0.055) / 2, (0.055 + 0.55) / 2]),
        ((1e-5, 1e-4), [(1e-5 + 1e-4) / 2, (1e-4 + 1e-3) / 2]),
    ],
)
@pytest.mark.parametrize("scale", [1, 10])
def test_the_worked_examples_of_anomalib(bounds, areas, scale):
    """Two images that score as the normal one: all of its pixels, or the 100,000 highest ones."""
    normal = highest(scale * DECADES, bounds, chunks=3)
    for defective, area in zip((DECADES, DECADES[DECADES > 1]), areas, strict=True):
        images = np.full(len(defective), 4)
        assert aupimo(scale * defective, images, normal, bounds) == pytest.approx(area)
    both = np.concatenate([DECADES, DECADES[DECADES > 1]])
    images = np.repeat([4, 7], [len(DECADES), 100_000])
    assert aupimo(scale * both, images, normal, bounds) == pytest.approx(np.mean(areas))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_scores_with_ties_equal_the_plain_evaluation(data):
    some = st.lists(st.integers(0, 6), min_size=1, max_size=30)
    normal = np.array(data.draw(some), np.float32)
    anomalous = [np.array(data.draw(some), np.float32) for _ in range(data.draw(st.integers(1, 3)))]
    bounds = data.draw(st.sampled_from([(0.05, 0.5), (0.1, 0.2), (0.001, 0.9)]))
    found = aupimo(
        np.concatenate(anomalous),
        np.repeat(np.arange(len(anomalous)) * 2, list(map(len, anomalous))),
        highest(normal, bounds, chunks=data.draw(st.integers(1, 4))),
        bounds,
    )
    assert found == pytest.approx(plain_aupimo(normal, anomalous, bounds), abs=2e-4)


def test_only_as_many_scores_are_kept_as_the_upper_bound_needs():
    rng = np.random.Generator(np.random.PCG64(0))
    kept = highest(rng.normal(size=100_000), chunks=7)
    assert len(kept.values) == 11
    assert kept.at_or_above.tolist() == list(range(11, 0, -1))
    tied = highest(np.ones(50_000), chunks=5)
    assert (tied.values.tolist(), tied.above.tolist()) == ([1.0], [0])
    assert tied.at_or_above.tolist() == [50_000]


def test_without_normal_images_or_defects_it_is_undefined():
    assert math.isnan(aupimo(np.ones(3), np.zeros(3, np.int64), highest_scores([], 0)))
    assert math.isnan(aupimo(np.empty(0), np.empty(0, np.int64), highest(np.ones(9))))


def test_maps_are_measured_on_the_full_grid_and_a_hidden_defect_counts_as_normal():
    rng = np.random.Generator(np.random.PCG64(3))
    maps = rng.gamma(2.0, size=(6, 4, 4)).astype(np.float16)
    masks = np.zeros((6, 16, 16), bool)
    masks[1, 2:9, 3:8] = masks[4, 0:5, 10:16] = True  # images 0, 2, 3, 5 show no defect
    maps[1] += 2
    pixels = np.flatnonzero(masks)
    truth = Truth(6, 16, pixels, np.ones(len(pixels)), 2, 0)
    full = full_maps(torch.from_numpy(maps), 16, MapSpec(sigma=1)).numpy()
    normal = full[[0, 2, 3, 5]]
    expected = [(full[k][masks[k]] > normal.max()).mean() for k in (1, 4)]
    found = pixel_metrics(maps, truth, MapSpec(sigma=1), torch.device("cpu"))
    # 1,024 normal pixels resolve no rate below 1e-4: the overlap without a false positive counts.
    assert found.aupimo == pytest.approx(np.mean(expected))
