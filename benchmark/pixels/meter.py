"""Pixel metrics for the evaluator: measured once for the same maps, whoever made them."""

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
    """Measures patch maps against the masks of a dataset; shared by all cells of a run.

    Categories whose scores an experience, an expert count or a seed leaves as they were have the
    same maps again; results are kept by the content of the maps.
    """

    def __init__(self, features: FeatureSet, truths: Mapping[str, Truth], spec: MapSpec) -> None:
        self._features = features
        self._truths = truths
        self._spec = spec
        self._known: dict[tuple[str, str], dict[str, float]] = {}

    @property
    def regions(self) -> dict[str, dict[str, float]]:
        """Of each category that has pixel metrics: its defect regions, those that the crop lost,
        and the share of defective pixels."""
        return {
            category: {"regions": truth.regions, "lost": truth.lost, "share": truth.share}
            for category, truth in self._truths.items()
        }

    def measure(self, category: str, maps: np.ndarray) -> dict[str, float] | None:
        """Metrics by name of maps (n, h, w) float16, aligned with the ids of the test source.

        `share` is the part of the pixels that is defective, `n` the number of images. None for a
        category without pixel metrics.
        """
        truth = self._truths.get(category)
        if truth is None:
            return None
        place = category, hashlib.sha256(repr(maps.shape).encode() + maps.tobytes()).hexdigest()
        if place not in self._known:
            row_of = self._features.patches(category, "test").row_of
            items = self._features.manifest.test(category)
            rows = maps[[row_of[item.content] for item in items]]
            measured = pixel_metrics(rows, truth, self._spec, self._features.device)
            self._known[place] = {**asdict(measured), "share": truth.share, "n": truth.images}
        return self._known[place]
