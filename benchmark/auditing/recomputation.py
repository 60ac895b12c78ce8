"""Compute a record's cell again: all training images, a sample of the test images, no record."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ..data.domains import Domain
from ..data.item import Item
from ..data.manifest import Manifest
from ..features.feature_set import FeatureSet
from ..running.cell import Cell
from ..running.evaluation.evaluator import evaluate
from ..running.evaluation.progress import Progress
from ..running.shared_inputs import SharedInputs
from ..streams.contamination import Contamination
from ..system.rng import generator

FEWEST = 4
"""Test images of each column in the smallest sample."""


@dataclass(frozen=True)
class Sample:
    """The part of a record that is computed again.

    Attributes:
        share: share of the test images of each column.
        experiences: the first experiences of the stream, or all.
        seed: seed of the random choice.
    """

    share: float
    experiences: int
    seed: int

    def of(self, manifest: Manifest) -> Manifest:
        """Return the manifest with the chosen test images only, and all training images."""
        columns: dict[str, list[Item]] = defaultdict(list)
        for item in manifest.items:
            if item.split == "test":
                columns[item.column].append(item)
        chosen: set[int] = set()
        for column, items in columns.items():
            items.sort(key=lambda item: (item.content, item.identity))
            count = min(len(items), max(FEWEST, math.ceil(self.share * len(items))))
            rng = generator(self.seed, "audit images", column)
            chosen |= {id(items[k]) for k in rng.choice(len(items), count, replace=False)}
        kept = (item for item in manifest.items if item.split != "test" or id(item) in chosen)
        return replace(manifest, items=tuple(kept))

    def columns(self, names: Iterable[str]) -> list[str]:
        """Return a random share of these columns, at least one of them."""
        names = sorted(names)
        count = math.ceil(self.share * len(names))
        rng = generator(self.seed, "audit columns")
        return sorted(names[k] for k in rng.choice(len(names), count, replace=False))


@dataclass
class SampledInputs(SharedInputs):
    """Inputs of one cell with a sample of its test images.

    Attributes:
        sample: what to sample.
        contamination: that of the cell.
    """

    sample: Sample = Sample(1.0, 1, 0)
    contamination: Contamination | None = None
    _sampled: Manifest | None = field(init=False, default=None, repr=False)

    def manifest_of(
        self, drift: tuple[Domain, ...], contamination: Contamination | None
    ) -> Manifest:
        full = super().manifest_of(drift, contamination)
        if contamination != self.contamination:
            return full  # the published splits, by which the cache is divided
        if self._sampled is None:
            self._sampled = self.sample.of(full)
        return self._sampled


def recompute(cell: Cell, inputs: SampledInputs) -> tuple[Progress, FeatureSet]:
    """Run the cell on the sample.

    Returns:
        What it produced up to the last experience of the sample, and the features of the images.
    """
    features, services = inputs.prepare(cell)
    progress = evaluate(
        cell,
        cell.stream(features.manifest),
        features,
        services,
        until=inputs.sample.experiences,
        reporter=inputs.reporter,
    )
    return progress, features
