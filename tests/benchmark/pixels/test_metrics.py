"""Pixel metrics equal scikit-learn's, and AUPRO a plain evaluation threshold by threshold."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.pixels import metrics
from cadbench.benchmark.pixels.maps import MapSpec
from cadbench.benchmark.pixels.metrics import (
    PixelMetrics,
    count_by_threshold,
    metrics_from_counts,
    pixel_metrics,
)
from cadbench.benchmark.pixels.truth import Truth, find_regions
from cadbench.results.errors import CadbenchError
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

CPU = torch.device("cpu")


def truth_of(masks: np.ndarray) -> Truth:
    """The truth of masks (N, size, size) bool; an empty mask is a good image."""
    size = masks.shape[1]
    each = [find_regions(mask, Preprocessing(size, size)) for mask in masks]
    return Truth(
        images=len(masks),
        size=size,
        pixels=np.concatenate([r.pixels + i * size**2 for i, r in enumerate(each)]),
        weights=np.concatenate([r.weights for r in each]),
        regions=sum(r.regions for r in each),
        lost=0,
    )


def measure(scores: np.ndarray, masks: np.ndarray, chunks: int = 1) -> PixelMetrics:
    """The metrics of full maps (N, size, size)."""
    truth = truth_of(masks)
    flat = torch.from_numpy(scores.reshape(-1).astype(np.float32))
    normal = flat.clone()
    normal[torch.from_numpy(truth.pixels)] = -math.inf
    split = [chunk.detach for chunk in normal.tensor_split(chunks)]
    return metrics_from_counts(
        count_by_threshold(flat[torch.from_numpy(truth.pixels)], split, truth)
    )


def plain_aupro(scores: np.ndarray, masks: np.ndarray, limit: float = 0.3) -> float:
    """Overlap and rate at every threshold; area by trapezoids, the last one cut at the limit."""
    regions = []
    for index, mask in enumerate(masks):
        numbered, found = label(mask, structure=np.ones((3, 3)))
        regions += [scores[index][numbered == n] for n in range(1, found + 1)]
    good = scores[~masks]
    points = [(0.0, 0.0)]
    for threshold in np.unique(scores)[::-1]:
        rate = float((good >= threshold).mean())
        points.append((rate, float(np.mean([(r >= threshold).mean() for r in regions]))))
    area = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 >= limit:
            break
        if x1 > limit:
            x1, y1 = limit, y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
        area += (x1 - x0) * (y0 + y1) / 2
    return area / limit


def random_scores(
    seed: int, levels: int, size: int = 12, images: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """Scores with ties, higher in the masks; the first image is good."""
    rng = np.random.default_rng(seed)
    masks = rng.random((images, size, size)) > 0.9
    masks[0] = False
    masks[1, 0, 0], masks[1, -1, -1] = True, False
    scores = rng.integers(0, levels, masks.shape) / 4 + masks * rng.integers(0, 2, masks.shape)
    return scores.astype(np.float32), masks


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 2, 3, 8, 1000]), st.sampled_from([1, 3]))
def test_all_four_equal_their_references_with_ties_and_any_chunks(seed, levels, chunks):
    scores, masks = random_scores(seed, levels)
    found = measure(scores, masks, chunks)
    flat, labels = scores.ravel(), masks.ravel()
    assert found.pixel_auroc == pytest.approx(roc_auc_score(labels, flat), abs=1e-12)
    assert found.pixel_ap == pytest.approx(average_precision_score(labels, flat), abs=1e-12)
    precision, recall, _ = precision_recall_curve(labels, flat)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    assert found.pixel_f1_max == pytest.approx(f1.max(), abs=1e-12)
    assert found.aupro == pytest.approx(plain_aupro(scores, masks), abs=1e-12)
    assert measure(scores, masks, 7) == found


def test_a_hand_computed_aupro():
    # Two regions: 2 pixels scored 3 and 1, and 1 pixel scored 2. Normal: 2, 1, and else 0.
    masks = np.zeros((2, 3, 3), bool)
    masks[0, 0, :2] = masks[1, 2, 2] = True
    scores = np.zeros((2, 3, 3))
    scores[0, 0, :2] = 3, 1
    scores[1, 2, 2] = 2
    scores[0, 2, 2], scores[1, 0, 0] = 2, 1
    # 15 normal pixels. Points (rate, overlap): (0, .25) at 3; (1/15, .75) at 2; (2/15, 1) at 1.
    area = (0.25 + 0.75) / 2 / 15 + (0.75 + 1) / 2 / 15 + (0.3 - 2 / 15) * 1
    assert measure(scores, masks).aupro == pytest.approx(area / 0.3, abs=1e-15)


def test_the_curve_is_cut_exactly_at_the_limit_between_two_points():
    # One threshold takes the region and half of the normal pixels at once: a straight line.
    masks = np.zeros((1, 3, 3), bool)
    masks[0, 0, 0] = True
    scores = np.zeros((1, 3, 3))
    scores[0, 0, 0] = scores[0, 1, :] = 1
    scores[0, 2, 0] = 1  # 4 of 8 normal pixels
    assert measure(scores, masks).aupro == pytest.approx(0.3 * (0.3 / 0.5) / 2 / 0.3, abs=1e-15)


@pytest.mark.parametrize("everywhere", [False, True])
def test_one_label_only_is_undefined(everywhere):
    masks = np.full((2, 4, 4), everywhere)
    found = measure(np.arange(32.0).reshape(2, 4, 4), masks)
    assert all(math.isnan(value) for value in dataclasses.astuple(found))


def test_metrics_of_patch_maps_are_those_of_full_maps_with_any_chunk_size(monkeypatch):
    rng = np.random.default_rng(5)
    maps = rng.random((9, 7, 7)).astype(np.float16)
    masks = rng.random((9, 28, 28)) > 0.97
    truth = truth_of(masks)
    spec = MapSpec(sigma=2)
    expected = pixel_metrics(maps, truth, spec, CPU)
    full = metrics.full_maps(torch.from_numpy(maps), 28, spec).numpy()
    assert expected == measure(full, masks)
    for size in (1, 2, 4):
        monkeypatch.setattr(metrics, "_CHUNK", {"cpu": size * 28**2})
        assert pixel_metrics(maps, truth, spec, CPU) == expected


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinite_maps_are_errors(value):
    maps = np.zeros((2, 4, 4), np.float16)
    maps[1, 2, 3] = value
    with pytest.raises(CadbenchError, match="NaN or infinite"):
        pixel_metrics(maps, truth_of(np.eye(8, dtype=bool)[None].repeat(2, 0)), MapSpec(), CPU)


def test_a_wrong_number_of_maps_is_an_error():
    with pytest.raises(CadbenchError, match="3 maps for 2 test images"):
        pixel_metrics(np.zeros((3, 4, 4)), truth_of(np.ones((2, 8, 8), bool)), MapSpec(), CPU)
