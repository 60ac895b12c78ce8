"""Pixel metrics for the evaluator, computed once for equal maps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from ..features.feature_set import FeatureSet
from .maps import MapSpec
from .metrics import pixel_metrics
from .truth import Truth


class PixelMeter:
    """Measures patch maps against the masks of a dataset; all cells of a run share it.

    The maps of a category are often equal after several experiences, with several expert counts or
    seeds. So results are cached by the content of the maps.
    """

    def __init__(self, features: FeatureSet, truths: Mapping[str, Truth], spec: MapSpec) -> None:
        self._features = features
        self._truths = truths
        self._spec = spec
        self._cache: dict[tuple[str, str], dict[str, float]] = {}

    @property
    def regions(self) -> dict[str, dict[str, float]]:
        """Per category with pixel metrics: its defect regions, those lost by resize and crop, the
        defective images that show none, and the share of defective pixels."""
        return {
            category: {
                "regions": truth.regions,
                "lost": truth.lost,
                "hidden": self._defective(category) - truth.images_with_defects,
                "share": truth.share,
            }
            for category, truth in self._truths.items()
        }

    def _defective(self, category: str) -> int:
        return sum(item.label for item in self._features.manifest.test(category))

    def measure(self, category: str, maps: np.ndarray) -> dict[str, float] | None:
        """Compute the pixel metrics of one category.

        Args:
            category: a column of R.
            maps: (n, h, w) float16, in the order of the ids of its test source.

        Returns:
            Values by name, with `share`, the share of defective pixels, and `n`, the number of
            images; None for a category without pixel metrics.
        """
        truth = self._truths.get(category)
        if truth is None:
            return None
        key = category, hashlib.sha256(repr(maps.shape).encode() + maps.tobytes()).hexdigest()
        if key not in self._cache:
            row_of = self._features.patches(category, "test").row_of
            items = self._features.manifest.test(category)
            rows = maps[[row_of[item.content] for item in items]]
            measured = pixel_metrics(rows, truth, self._spec, self._features.device)
            self._cache[key] = {**asdict(measured), "share": truth.share, "n": truth.images}
        return self._cache[key]
