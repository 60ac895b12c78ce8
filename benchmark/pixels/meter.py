"""Pixel metrics for the evaluator, computed once for equal maps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TypeAlias

import numpy as np

from ..features.feature_set import FeatureSet
from .maps import MapSpec
from .metrics import pixel_metrics
from .truth import Truth

LoadTruths: TypeAlias = Callable[[Sequence[str]], Mapping[str, Truth]]


class PixelMeter:
    """Measures patch maps against the masks of a dataset; all cells of a run share it.

    The maps of a category are often equal after several experiences, with several expert counts or
    seeds. So results are cached by the content of the maps.
    """

    def __init__(self, features: FeatureSet, load: LoadTruths, spec: MapSpec) -> None:
        """Prepare for a dataset; masks are read when a column is first measured.

        Args:
            load: loads the ground truth of some columns; those without any are left out.
            spec: how patch maps become full-size maps.
        """
        self._features = features
        self._load = load
        self._truths: dict[str, Truth | None] = {}
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
            for category in self._features.manifest.columns
            if (truth := self._truth(category)) is not None
        }

    def _truth(self, column: str) -> Truth | None:
        """The ground truth of a column, loaded with that of all columns that have features."""
        if column not in self._truths:
            wanted = dict.fromkeys((column, *self._features.extracted))
            missing = [each for each in wanted if each not in self._truths]
            loaded = self._load(missing)
            self._truths |= {each: loaded.get(each) for each in missing}
        return self._truths[column]

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
        truth = self._truth(category)
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
