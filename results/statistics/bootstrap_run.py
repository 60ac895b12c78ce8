"""The metrics of scores and matrices of one run with its test images resampled, per replicate.

The matrix of a replicate is that of metrics.compute with each image counted as often as it was
sampled. All experiences use the same sample of a category, so unchanged scores keep equal values.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..metrics.compute import introduced, owners
from ..metrics.defects import Kind
from ..metrics.image.auroc import weighted_auroc
from ..metrics.metric import Index, Matrix, Replicates
from ..metrics.operating_points import AlarmThresholds, HeldOut
from ..metrics.registry import DEFAULT, IMAGE_METRICS, OPERATING_METRICS
from ..records.record import Record
from .bootstrap_draws import Counts, Draws


class ResampledRun:
    """The image metrics of a run under `draws`, each computed on first use."""

    def __init__(self, record: Record, draws: Draws) -> None:
        self._record = record
        self._draws = draws
        self._scores = _read_scores(record)
        self._values: dict[tuple[str, str, bytes], Replicates] = {}

    def category_metric(self, t: int, category: str, base: str = DEFAULT) -> Replicates:
        """(B,) metric of scores `base` of a category after experience t; NaN if not scored."""
        scored = self._scores.get((category, t))
        if scored is None:
            return np.full(self._draws.replicates, np.nan)
        if base in OPERATING_METRICS:
            return self._operating_metric(t, scored, base)
        # An experience that did not change the scores has the same metric.
        key = base, category, scored.digest
        if key not in self._values:
            weighted = IMAGE_METRICS[base].weighted
            self._values[key] = weighted(scored.scores, scored.labels, self._weights(scored))
        return self._values[key]

    def _operating_metric(self, t: int, scored: _CategoryScores, base: str) -> Replicates:
        """(B,): the thresholds stay as they are; held-out images are not resampled."""
        if self._thresholds is None:
            return np.full(self._draws.replicates, np.nan)
        thresholds = self._thresholds.of(t, scored.category, scored.routes)
        key = base, scored.category, scored.digest + thresholds.tobytes()
        if key not in self._values:
            weights = self._weights(scored)
            self._values[key] = OPERATING_METRICS[base].weighted(
                scored.scores, scored.labels, thresholds, weights
            )
        return self._values[key]

    @cached_property
    def _thresholds(self) -> AlarmThresholds | None:
        record = self._record
        held_out = HeldOut.of_cell(record.held_out, record.cell)
        if held_out is None:
            return None
        return AlarmThresholds(held_out, record.experiences, record.routing)

    def matrix(
        self, categories: tuple[str, ...], part: slice = slice(None), base: str = DEFAULT
    ) -> tuple[Matrix, Index]:
        """(R (B, T, C), s (C,)) of the replicates in `part`."""
        T = len(self._record.experiences)
        replicates = len(range(*part.indices(self._draws.replicates)))
        R = np.full((replicates, T, len(categories)), np.nan)
        for c, category in enumerate(categories):
            for t in range(1, T + 1):
                if (category, t) in self._scores:
                    R[:, t - 1, c] = self.category_metric(t, category, base)[part]
        return R, introduced(self._record.experiences, categories)

    def final_row(
        self, categories: tuple[str, ...], part: slice = slice(None), base: str = DEFAULT
    ) -> Matrix:
        """(B, 1, C): the last row of the matrix `base`."""
        T = len(self._record.experiences)
        return np.stack(
            [self.category_metric(T, name, base)[part] for name in categories], axis=-1
        )[:, None]

    def pooled_auroc(self) -> Replicates:
        """(B,) AUROC over the images of all categories after the last experience."""
        final = self._final_scores()
        weights = np.concatenate([self._weights(scored) for scored in final])
        scores = np.concatenate([scored.scores for scored in final])
        labels = np.concatenate([scored.labels for scored in final])
        return weighted_auroc(scores, labels, weights)

    def routing_accuracy(self) -> Replicates:
        """(B,) share of images sent to the owner of their category after the last experience."""
        names = self._record.categories
        owner = owners(self._record.events, names)
        replicates = self._draws.replicates
        sent, right = np.zeros(replicates), np.zeros(replicates)
        owner_of = {} if owner is None else dict(zip(names, owner.tolist(), strict=True))
        for scored in self._final_scores():
            expert = owner_of.get(scored.category, -1)
            counted = (scored.routes >= 0) & (expert >= 0)
            weights = self._weights(scored)
            sent += weights[counted].sum(axis=0)
            right += weights[counted & (scored.routes == expert)].sum(axis=0)
        return np.divide(right, sent, out=np.full(replicates, np.nan), where=sent > 0)

    @cached_property
    def defects(self) -> dict[Kind, Replicates]:
        """(B,) AUROC of each kind of defect after the last experience."""
        found = {}
        for scored in self._final_scores():
            weights = self._weights(scored)
            for defect in sorted(set(scored.defects[scored.labels])):
                own = scored.labels & (scored.defects == defect)
                counted = own | ~scored.labels
                values = weighted_auroc(scored.scores[counted], own[counted], weights[counted])
                found[scored.category, defect] = values
        return found

    def _final_scores(self) -> list[_CategoryScores]:
        T = len(self._record.experiences)
        return [
            self._scores[name, T] for name in self._record.categories if (name, T) in self._scores
        ]

    def _weights(self, scored: _CategoryScores) -> Counts:
        return self._draws.images(scored.images, scored.labels)


@dataclass(frozen=True, eq=False)
class _CategoryScores:
    """The images of one category after one experience: good ones first, by content hash."""

    category: str
    images: list[str]
    labels: NDArray[np.bool_]
    scores: NDArray[np.float64]
    routes: NDArray[np.int64]
    defects: NDArray[np.str_]

    @cached_property
    def digest(self) -> bytes:
        return hashlib.sha256("\n".join(self.images).encode() + self.scores.tobytes()).digest()


def _read_scores(record: Record) -> dict[tuple[str, int], _CategoryScores]:
    import pyarrow.compute as pc

    table = record.table("scores")
    by = ("category", "experience", "label", "image", "score")
    table = table.take(pc.sort_indices(table, sort_keys=[(name, "ascending") for name in by]))
    category, experience, label, image, score, route, defect = (
        table[name].to_numpy() for name in (*by, "route", "defect")
    )
    changes = (category[1:] != category[:-1]) | (experience[1:] != experience[:-1])
    starts = [0, *(np.flatnonzero(changes) + 1).tolist()] if len(category) else []
    found = {}
    for start, stop in zip(starts, [*starts[1:], len(category)], strict=False):
        rows = slice(start, stop)
        found[str(category[start]), int(experience[start])] = _CategoryScores(
            str(category[start]),
            image[rows].tolist(),
            label[rows] == 1,
            score[rows].astype(np.float64),
            route[rows].astype(np.int64),
            defect[rows].astype(str),
        )
    return found
