"""Every metric is defined in words, and all that reads the registry agrees with it."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from cadbench.benchmark.pixels.metrics import PixelMetrics as PixelValues
from cadbench.results.analysis.quantities import QUANTITIES
from cadbench.results.metrics.registry import (
    CATEGORY_METRICS,
    DEFAULT,
    IMAGE_METRICS,
    INFERRED_METRICS,
    MATRIX_METRICS,
    METRICS,
    PIXEL_METRICS,
    is_known,
    split_name,
    stored_name,
)
from cadbench.results.records.schema import METRICS_OF_0_1


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_definitions_are_complete(metric) -> None:
    assert METRICS[metric.name] is metric
    assert metric.heading
    assert metric.formula
    assert metric.meaning
    low, high = map(float, metric.range.split(" to "))
    assert low < high


def test_the_default_comes_first() -> None:
    assert next(iter(CATEGORY_METRICS)) == DEFAULT


def test_metrics_of_earlier_releases_are_never_removed() -> None:
    assert set(METRICS_OF_0_1) <= METRICS.keys()


def test_pixel_metrics_are_those_that_the_benchmark_computes() -> None:
    assert list(PIXEL_METRICS) == [field.name for field in dataclasses.fields(PixelValues)]


def test_every_continual_metric_of_every_category_metric_is_a_table_column() -> None:
    names = {
        stored_name(base.name, name)
        for base in CATEGORY_METRICS.values()
        for name, metric in MATRIX_METRICS.items()
        if metric.is_defined_for(base)
    }
    assert names | INFERRED_METRICS.keys() <= QUANTITIES.keys()


@pytest.mark.parametrize("base", CATEGORY_METRICS.values(), ids=CATEGORY_METRICS)
@pytest.mark.parametrize("metric", MATRIX_METRICS.values(), ids=MATRIX_METRICS)
def test_values_are_in_the_stated_range_also_with_undefined_categories(base, metric) -> None:
    if not metric.is_defined_for(base):
        return
    low, high = map(float, metric.range.split(" to "))
    s, share = np.array([1, 2, 3]), np.array([0.1, 0.5, 0.9])
    corners = [0.0, 1.0, np.nan]
    # Terms of categories are independent, so extreme values of one category suffice.
    for column in itertools.product(corners, repeat=3):
        for c in range(3):
            R = np.full((3, 3), np.nan)
            R[:, c] = column
            joint = np.full((1, 3), 1 - R[-1, c])
            third = {
                "matrix": None,
                "chance": None if base.chance is None else base.chance(share),
                "owners": np.array([0, 0, 1]),
                "joint": joint,
            }[metric.needs]
            value = float(np.asarray(metric.measure(base, R, s, third).value))
            assert np.isnan(value) or low <= value <= high, (column, c)


@pytest.mark.parametrize("base", CATEGORY_METRICS.values(), ids=CATEGORY_METRICS)
def test_a_worse_run_is_not_better_in_any_column(base) -> None:
    """A run that loses performance after learning is worse by the direction of every column."""
    s, share, owner = np.array([1, 1, 2]), np.full(3, 0.5), np.array([0, 0, 1])
    good, bad = (0.9, 0.5) if base.higher_is_better else (0.1, 0.5)
    kept = np.array([[good, good, bad], [good, good, good]])
    forgot = np.array([[good, good, bad], [bad, bad, good]])
    third = {
        "matrix": None,
        "chance": None if base.chance is None else base.chance(share),
        "owners": owner,
        "joint": np.full((2, 3), good),
    }
    for metric in (m for m in MATRIX_METRICS.values() if m.is_defined_for(base)):
        before, after = (metric.measure(base, R, s, third[metric.needs]) for R in (kept, forgot))
        worse = after.value - before.value
        if QUANTITIES[stored_name(base.name, metric.name)].column.better == "higher":
            worse = -worse
        assert worse >= 0, metric.name
        assert worse > 0 or metric.name in ("acc_learned", "fwt")


def test_names_in_a_record() -> None:
    assert [stored_name(base, "bwt") for base in ("auroc", "ap")] == ["bwt", "ap.bwt"]
    assert [split_name(name) for name in ("bwt", "ap.bwt")] == [("auroc", "bwt"), ("ap", "bwt")]
    for name in ("auroc", "fpr95", "acc", "aupro.fm", "pooled_auroc"):
        assert is_known(name)
    for name in ("gmap", "gmap.acc", "ap.gmap", "ap.pooled_auroc", "acc.ap", "", "."):
        assert not is_known(name)


@pytest.mark.parametrize("metric", IMAGE_METRICS.values(), ids=IMAGE_METRICS)
def test_guessing_reaches_the_chance_level(metric) -> None:
    rng = np.random.Generator(np.random.PCG64(0))
    labels = np.arange(40_000) % 4 == 0
    reached = metric.function(rng.random(labels.size), labels)
    assert metric.chance(np.array([0.25])) == pytest.approx([reached], abs=0.02)
