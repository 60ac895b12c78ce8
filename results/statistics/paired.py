"""Paired comparison of rows that ran on the same categories, seeds and orders.

The unit of a test is a category, averaged over seeds and orders: these share its images, so they
are not independent of each other. With `category_run` every (category, seed, order) is a unit.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..analysis.quantities import stored_matrix
from ..analysis.rows import Row
from ..metrics.metric import Better
from ..metrics.registry import CATEGORY_METRICS, IMAGE_METRICS, METRICS_OF_SCORES
from ..records.record import Record
from .bootstrap import Bootstrap, mean_over_runs, percentiles
from .bootstrap_run import ResampledRun
from .wilcoxon import signed_ranks

Value = Literal["final", "learned", "change"]
Unit = Literal["category", "category_run"]
VALUES: tuple[Value, ...] = get_args(Value)
UNITS: tuple[Unit, ...] = get_args(Unit)

_DECIMALS = 12
"""Differences are rounded, so that sums in another order do not break ties."""


@dataclass(frozen=True)
class Pair:
    """Row `one` minus row `other` (their numbers); NaN where there is no interval or test.

    wins, losses: units in which row `one` is better, or worse. effect: 1 where it is better in all.
    """

    one: int
    other: int
    difference: float
    low: float
    high: float
    wins: int
    ties: int
    losses: int
    p: float
    p_holm: float
    effect: float


@dataclass(frozen=True)
class Paired:
    """The values of K rows with the same R runs, in the C categories that they share.

    A (run, category) that one row does not define is left out of all rows.

    Args:
        rows: the K rows.
        categories: the C categories, sorted.
        base: the category metric.
        value: `final` is R[T, c], `learned` R[s(c), c], `change` the first minus the second.
        unit: what the tests count.
        values: (K, R, C), NaN where undefined.
    """

    rows: tuple[Row, ...]
    categories: tuple[str, ...]
    base: str
    value: Value
    unit: Unit
    values: NDArray[np.float64]

    @cached_property
    def counted(self) -> NDArray[np.bool_]:
        """(R, C): whether every row defines the value."""
        return np.logical_and.reduce(~np.isnan(self.values), axis=0)

    @property
    def better(self) -> Better:
        return CATEGORY_METRICS[self.base].better

    @cached_property
    def merits(self) -> NDArray[np.float64]:
        """(K, N): the units with their sign turned where lower is better, for ranks and tests."""
        return self.units if self.better == "higher" else -self.units

    @cached_property
    def units(self) -> NDArray[np.float64]:
        """(K, N): the values that are tested."""
        if self.unit == "category_run":
            return self.values[:, self.counted]
        kept = self.counted.any(axis=0)
        counts = self.counted[:, kept]
        summed = np.where(counts, self.values[:, :, kept], 0.0).sum(axis=1)
        return np.round(summed / counts.sum(axis=0), _DECIMALS)

    def replicates(self, bootstrap: Bootstrap) -> NDArray[np.float64] | None:
        """(K, B): the mean over units of each row in each replicate.

        None for a pixel metric: resampling test images needs masks, which records do not hold.
        """
        if self.base not in METRICS_OF_SCORES:
            return None
        counts = bootstrap.run_counts(self.rows[0].records)
        means = []
        for row in self.rows:
            resampled = np.stack([self._resample(record, bootstrap) for record in row.records])
            resampled = np.where(self.counted[..., None], resampled, np.nan)
            if self.unit == "category_run":
                weights = np.repeat(counts, len(self.categories), axis=0)
                means.append(mean_over_runs(resampled.reshape(-1, counts.shape[1]), weights))
            else:
                of_categories = mean_over_runs(resampled, counts)
                means.append(mean_over_runs(of_categories, np.ones_like(of_categories)))
        return np.stack(means)

    def pairs(self, replicates: NDArray[np.float64] | None) -> list[Pair]:
        """Compare every row with every later one; p is corrected for the number of pairs (Holm)."""
        found = []
        for one, other in itertools.combinations(range(len(self.rows)), 2):
            differences = np.round(self.units[one] - self.units[other], _DECIMALS)
            leads = np.round(self.merits[one] - self.merits[other], _DECIMALS)
            tested = signed_ranks(leads)
            low, high = math.nan, math.nan
            if replicates is not None:
                low, high = percentiles(replicates[one] - replicates[other])
            found.append(
                Pair(
                    one,
                    other,
                    float(differences.mean()) if differences.size else math.nan,
                    low,
                    high,
                    int((leads > 0).sum()),
                    int((leads == 0).sum()),
                    int((leads < 0).sum()),
                    tested.p,
                    math.nan,
                    tested.effect,
                )
            )
        return _corrected(found)

    def _resample(self, record: Record, bootstrap: Bootstrap) -> NDArray[np.float64]:
        """(C, B): the values of one run in each replicate."""
        run = ResampledRun(record, bootstrap.draws)
        introduced = {c: t for t, new in enumerate(record.experiences, 1) for c in new}
        found = []
        for category in self.categories:
            final = run.category_metric(len(record.experiences), category, self.base)
            learned = run.category_metric(introduced[category], category, self.base)
            found.append(_select(self.value, final, learned))
        return np.stack(found)


def paired(rows: Sequence[Row], base: str, value: Value, unit: Unit) -> Paired:
    """Collect the values of comparable rows (see analysis.comparable.check_comparable).

    Args:
        rows: two rows or more, with the same categories, seeds and orders.
        base: the category metric.
        value: `final`, `learned` or `change`.
        unit: `category` or `category_run`.
    """
    categories = tuple(sorted(rows[0].first.categories))
    values = []
    for row in rows:
        of_runs = []
        for record in row.records:
            R, s = stored_matrix(record, categories, base)
            of_runs.append(_select(value, R[-1], R[s - 1, np.arange(len(categories))]))
        values.append(of_runs)
    return Paired(tuple(rows), categories, base, value, unit, np.array(values))


def bases_of(rows: Sequence[Row]) -> list[str]:
    """The category metrics that every run of these rows has a matrix of.

    Image metrics follow from the scores, so every run has them.
    """
    found = [
        set(record.metrics.loc[record.metrics["category"].notna(), "metric"])
        for row in rows
        for record in row.records
    ]
    stored = set.intersection(*found) & CATEGORY_METRICS.keys()
    return sorted(stored | IMAGE_METRICS.keys())


def _select(
    value: Value, final: NDArray[np.float64], learned: NDArray[np.float64]
) -> NDArray[np.float64]:
    if value == "final":
        return final
    return learned if value == "learned" else final - learned


def _corrected(pairs: Sequence[Pair]) -> list[Pair]:
    from statsmodels.stats.multitest import multipletests

    tested = [pair.p for pair in pairs if not math.isnan(pair.p)]
    holm = iter(multipletests(tested, method="holm")[1] if tested else [])
    return [
        pair if math.isnan(pair.p) else dataclasses.replace(pair, p_holm=float(next(holm)))
        for pair in pairs
    ]
