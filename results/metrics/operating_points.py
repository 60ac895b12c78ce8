"""Operating points: false alarms and recall at thresholds set when each category was learned.

A threshold is a quantile of the scores of held-out training images, which are good and which the
method did not learn from. The scores of test images change later; the threshold does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import CadbenchError
from ..records.schema import THRESHOLD_QUANTILE, Cell, columns_of
from .metric import Labels, OperatingMetric, Replicates, Scores, Weights
from .replicates import ratio, total
from .scores import checked

if TYPE_CHECKING:
    import pandas as pd

_ROUNDING = 1e-9
"""Subtracted before a rank is rounded up: 0.07 * 100 is slightly more than 7."""


def alarm_threshold(scores: ArrayLike, quantile: float) -> float:
    """The score above which an image raises an alarm.

    It is the k-th smallest of the n held-out scores, k = min(n, ceil(quantile * (n + 1))): the
    quantile of split conformal prediction. If later good images score as the held-out ones do, the
    expected rate of false alarms is 1 - k / (n + 1): at most 1 - quantile if n is at least
    quantile / (1 - quantile), which is 99 for 0.99. With fewer images the threshold is the largest
    held-out score and the expected rate 1 / (n + 1).

    Args:
        scores: (n,) scores of held-out good images.
        quantile: above 0 and below 1.

    Returns:
        The threshold; NaN without scores.
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    n = len(ordered)
    if not n:
        return math.nan
    return float(ordered[min(n, math.ceil(quantile * (n + 1) - _ROUNDING)) - 1])


def false_alarm_rate(scores: ArrayLike, labels: ArrayLike, threshold: ArrayLike) -> float:
    """The share of good images that score above their threshold.

    Args:
        scores: (N,) scores of test images.
        labels: (N,) labels, 1 = defective.
        threshold: one threshold, or one per image (N,); NaN where there is none.

    Returns:
        The share; NaN without good images or where one of them has no threshold.
    """
    values, is_defective = checked(scores, labels)
    return _share_above(values, threshold, ~is_defective)


def recall(scores: ArrayLike, labels: ArrayLike, threshold: ArrayLike) -> float:
    """The share of defective images that score above their threshold; see `false_alarm_rate`."""
    values, is_defective = checked(scores, labels)
    return _share_above(values, threshold, is_defective)


def _share_above(scores: Scores, threshold: ArrayLike, of: NDArray[np.bool_]) -> float:
    thresholds = np.broadcast_to(np.asarray(threshold, dtype=np.float64), scores.shape)[of]
    if not of.any() or np.isnan(thresholds).any():
        return math.nan
    return float(np.mean(scores[of] > thresholds))


def weighted_false_alarm_rate(
    scores: Scores, labels: Labels, threshold: Scores, weights: Weights
) -> Replicates:
    """The same for each column of weights (N, B)."""
    return _weighted_share_above(scores, threshold, ~labels, weights)


def weighted_recall(
    scores: Scores, labels: Labels, threshold: Scores, weights: Weights
) -> Replicates:
    """The same for each column of weights (N, B)."""
    return _weighted_share_above(scores, threshold, labels, weights)


def _weighted_share_above(
    scores: Scores, threshold: Scores, of: Labels, weights: Weights
) -> Replicates:
    if np.isnan(threshold[of]).any():
        return np.full(weights.shape[1], np.nan)
    return ratio(total(weights[of & (scores > threshold)]), total(weights[of]))


FALSE_ALARM_RATE = OperatingMetric(
    name="false_alarm_rate",
    heading="false-alarm rate",
    function=false_alarm_rate,
    weighted=weighted_false_alarm_rate,
    chance=None,
    higher_is_better=False,
    range="0 to 1",
    formula="good test images above the threshold / good test images",
    sign="compare it with 1 - quantile, which the threshold aims at",
    meaning="false alarms at the threshold that was set from held-out training images when the "
    "category was learned (`--holdout`)",
)

RECALL = OperatingMetric(
    name="recall",
    heading="recall",
    function=recall,
    weighted=weighted_recall,
    chance=None,
    higher_is_better=True,
    range="0 to 1",
    formula="defective test images above the threshold / defective test images",
    sign="read it together with false_alarm_rate",
    meaning="defective images found at the threshold that was set from held-out training images "
    "when the category was learned (`--holdout`)",
)

METRICS = (FALSE_ALARM_RATE, RECALL)


@dataclass(frozen=True)
class HeldOut:
    """The scores of held-out training images of a run, each of when its column was learned.

    Attributes:
        scores: the table `held_out` of the record.
        quantile: the quantile of the thresholds.
        category_of: column of R -> its category; a category may return as another column.
    """

    scores: pd.DataFrame
    quantile: float
    category_of: Mapping[str, str]

    @classmethod
    def of_cell(cls, scores: pd.DataFrame | None, cell: Cell) -> HeldOut | None:
        """The held-out scores with the settings of their cell; None if there are no scores."""
        if scores is None:
            return None
        quantile = float(cell.get("threshold_quantile", THRESHOLD_QUANTILE))
        return cls(scores, quantile, columns_of(cell))


@dataclass(frozen=True)
class AlarmThresholds:
    """The thresholds that are in force after each experience.

    A category's threshold is that of its column that was learned last. Under `oracle` routing a
    test image is judged by the threshold of its category. Under `inferred` routing the category is
    not known: an image is judged by the threshold of the expert that scored it, over all held-out
    images that were sent to this expert; an expert that got none has the threshold of all held-out
    images, and so has every image of a method that does not route.

    Attributes:
        held_out: the held-out scores.
        experiences: the columns that each experience introduces.
        routing: `oracle` or `inferred`.
    """

    held_out: HeldOut
    experiences: Sequence[Sequence[str]]
    routing: str

    def of(self, t: int, column: str, routes: NDArray[np.int64]) -> NDArray[np.float64]:
        """The threshold of each test image.

        Args:
            t: the experience after which the images are scored, from 1.
            column: their column of R.
            routes: (N,) the expert that scored each image; -1 for none.

        Returns:
            (N,) thresholds; NaN for a category that was not learned yet, under `oracle`.
        """
        latest = self._latest[t]
        if self.routing != "inferred":
            learned = latest.get(self.held_out.category_of[column])
            value = math.nan if learned is None else self._of_column[learned]
            return np.full(len(routes), value)
        of_expert, of_all = self._pooled[t]
        values = {int(route): of_expert.get(int(route), of_all) for route in np.unique(routes)}
        return np.array([values[int(route)] for route in routes], dtype=np.float64)

    @cached_property
    def _parts(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.int64]]]:
        """Column -> scores and routes of its held-out images."""
        parts = {
            str(column): (
                part["score"].to_numpy(dtype=np.float64),
                part["route"].to_numpy(dtype=np.int64),
            )
            for column, part in self.held_out.scores.groupby("category", sort=False)
        }
        missing = [c for columns in self.experiences for c in columns if c not in parts]
        if missing:
            raise CadbenchError(f"there are no held-out scores of {', '.join(missing)}")
        return parts

    @cached_property
    def _of_column(self) -> dict[str, float]:
        quantile = self.held_out.quantile
        return {c: alarm_threshold(scores, quantile) for c, (scores, _) in self._parts.items()}

    @cached_property
    def _latest(self) -> dict[int, dict[str, str]]:
        """t -> category -> its column that was learned last."""
        found: dict[int, dict[str, str]] = {}
        latest: dict[str, str] = {}
        for t, columns in enumerate(self.experiences, start=1):
            latest = {**latest, **{self.held_out.category_of[column]: column for column in columns}}
            found[t] = latest
        return found

    @cached_property
    def _pooled(self) -> dict[int, tuple[dict[int, float], float]]:
        """t -> the threshold of each expert, and the threshold of all held-out images."""
        found = {}
        for t, latest in self._latest.items():
            scores, routes = (
                np.concatenate([self._parts[column][k] for column in latest.values()])
                for k in (0, 1)
            )
            quantile = self.held_out.quantile
            of_expert = {
                int(route): alarm_threshold(scores[routes == route], quantile)
                for route in np.unique(routes)
            }
            found[t] = of_expert, alarm_threshold(scores, quantile)
        return found
