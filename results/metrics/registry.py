"""Every metric by name. Tables, signs, ranks, intervals, the report and the import read it here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from . import continual, image, inferred_routing, operating_points, pixel
from .from_events import boundaries, neighbors
from .metric import (
    CategoryMetric,
    ContinualMetric,
    ImageMetric,
    Metric,
    OperatingMetric,
    PixelMetric,
)

DEFAULT = "auroc"
"""The category metric whose continual metrics have no prefix: `acc`, but `ap.acc`."""


def _image_metrics() -> list[ImageMetric]:
    """The `METRIC` of every file in `image`, the default first and the others by file name."""
    names = sorted(module.name for module in pkgutil.iter_modules(image.__path__))
    found = [importlib.import_module(f".{name}", image.__name__).METRIC for name in names]
    return sorted(found, key=lambda metric: metric.name != DEFAULT)


IMAGE_METRICS: Mapping[str, ImageMetric] = {metric.name: metric for metric in _image_metrics()}
PIXEL_METRICS: Mapping[str, PixelMetric] = {metric.name: metric for metric in pixel.METRICS}
OPERATING_METRICS: Mapping[str, OperatingMetric] = {
    metric.name: metric for metric in operating_points.METRICS
}
METRICS_OF_SCORES: Mapping[str, ImageMetric | OperatingMetric] = {
    **IMAGE_METRICS,
    **OPERATING_METRICS,
}
"""Those that follow from the scores of images, so that a bootstrap can resample the images."""

CATEGORY_METRICS: Mapping[str, CategoryMetric] = {
    **IMAGE_METRICS,
    **PIXEL_METRICS,
    **OPERATING_METRICS,
}
"""What a matrix R can hold."""

MATRIX_METRICS: Mapping[str, ContinualMetric] = {
    metric.name: metric for metric in continual.METRICS
}
"""Continual metrics of a matrix R, whichever category metric it holds."""

INFERRED_METRICS: Mapping[str, ContinualMetric] = {
    metric.name: metric for metric in inferred_routing.METRICS
}
MEMORY_METRICS: Mapping[str, ContinualMetric] = {
    metric.name: metric for metric in neighbors.METRICS
}
BOUNDARY_METRICS: Mapping[str, ContinualMetric] = {
    metric.name: metric for metric in boundaries.METRICS
}
STORED_METRICS: Mapping[str, ContinualMetric] = {
    **INFERRED_METRICS,
    **MEMORY_METRICS,
    **BOUNDARY_METRICS,
}
"""Continual metrics that are stored by their own names and have no matrix."""

METRICS: Mapping[str, Metric] = {
    **CATEGORY_METRICS,
    **MATRIX_METRICS,
    **STORED_METRICS,
}


def stored_name(base: str, name: str) -> str:
    """The name in metrics.parquet of the continual metric `name` of the matrix of `base`."""
    return name if base == DEFAULT else f"{base}.{name}"


def split_name(stored: str) -> tuple[str, str]:
    """(base, continual metric) of a name that `stored_name` makes."""
    base, _, name = stored.rpartition(".")
    return base or DEFAULT, name


def is_known(stored: str) -> bool:
    """Whether this release has the metric of a name in metrics.parquet."""
    base, name = split_name(stored)
    if stored in {**CATEGORY_METRICS, **STORED_METRICS}:
        return True
    if base not in CATEGORY_METRICS or name not in MATRIX_METRICS:
        return False
    return MATRIX_METRICS[name].is_defined_for(CATEGORY_METRICS[base])
