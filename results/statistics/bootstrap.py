"""95 % intervals of table values by a bootstrap over test images, seeds and orders.

A replicate resamples the test images of every category, separately for good and defective ones, and
the seeds and orders of a row, as crossed factors; categories are not resampled. Values that do not
depend on images (memory, seconds) vary over seeds and orders only. Pixel metrics have no interval:
resampling their images needs the masks, which a record does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..analysis.quantities import Reading
from ..metrics.defects import Kind
from ..metrics.metric import FloatOrArray, Index, Matrix
from ..metrics.registry import DEFAULT, METRICS_OF_SCORES
from ..metrics.replicates import parts
from ..records.record import Record
from ..records.schema import canonical_json
from .bootstrap_draws import Counts, Draws
from .bootstrap_run import ResampledRun

LEVEL = 0.95

Resampled: TypeAlias = Literal["images", "runs", "nothing"]

_ROOM = 2**25
"""Numbers in a stack of matrices: 256 MB, whatever the number of experiences and categories."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The middle 95 % of the replicates, NaN where nothing varies.

    resampled: `images` and runs; `runs` only, as the value does not depend on images; or `nothing`,
    as it is a pixel metric.
    """

    low: float
    high: float
    resampled: Resampled


class Bootstrap:
    """Intervals of means over runs. The same draws give the same intervals."""

    def __init__(self, draws: Draws | None = None) -> None:
        self.draws = Draws() if draws is None else draws

    def intervals(
        self, reads: Sequence[Callable[[Reading], FloatOrArray]], readings: Sequence[Reading]
    ) -> list[Interval]:
        """Compute an interval for the mean of each value over the runs of a row.

        Args:
            reads: how each value is read from a run.
            readings: the runs.
        """
        of_runs = [self._resample(reads, reading) for reading in readings]
        counts = self.run_counts([reading.record for reading in readings])
        found = []
        for of_read in zip(*of_runs, strict=True):
            resampled: Resampled = "runs"
            if any(isinstance(values, np.ndarray) for values in of_read):
                resampled = "images"
            elif all(np.isnan(value) for value in of_read):
                resampled = "nothing"
            if resampled == "nothing" or (resampled == "runs" and len(set(of_read)) == 1):
                found.append(Interval(np.nan, np.nan, resampled))
                continue
            values = np.stack([np.broadcast_to(v, counts.shape[1:]) for v in of_read])
            found.append(Interval(*percentiles(mean_over_runs(values, counts)), resampled))
        return found

    def run_counts(self, records: Iterable[Record]) -> Counts:
        """(R, B): the weight of each run of a row in each replicate."""
        runs = [(str(record.seed), canonical_json(record.cell["order"])) for record in records]
        return self.draws.runs([seed for seed, _ in runs], [order.decode() for _, order in runs])

    def _resample(
        self, reads: Sequence[Callable[[Reading], FloatOrArray]], reading: Reading
    ) -> list[FloatOrArray]:
        """For each of `reads` its replicates (B,), the number where it does not depend on images,
        or NaN for a pixel metric.
        """
        run = ResampledRun(reading.record, self.draws)
        joint = None if reading.joint is None else ResampledRun(reading.joint, self.draws)
        size = len(reading.record.experiences) * len(reading.categories)
        found: list[list[FloatOrArray]] = [[] for _ in reads]
        for part in parts(size, self.draws.replicates, _ROOM):
            resampled = _Resampled(
                reading.record,
                reading.categories,
                reading.joint,
                reading.masked,
                run=run,
                joint_run=joint,
                part=part,
            )
            for values, read in zip(found, reads, strict=True):
                values.append(read(resampled))
        return [
            np.concatenate(values) if isinstance(values[0], np.ndarray) else values[0]
            for values in found
        ]


def mean_over_runs(values: NDArray[np.float64], counts: Counts) -> NDArray[np.float64]:
    """(..., B): the weighted mean over runs of the values that are defined.

    Args:
        values: (R, ..., B), NaN where undefined.
        counts: (R, B) the weight of each run.

    Returns:
        NaN where no run with a defined value has weight.
    """
    defined = ~np.isnan(values)
    shape = (len(counts), *[1] * (values.ndim - 2), counts.shape[1])
    weights = np.where(defined, counts.reshape(shape), 0.0)
    total = weights.sum(axis=0)
    summed = np.where(defined, values, 0.0)
    summed = (summed * weights).sum(axis=0)
    return np.divide(summed, total, out=np.full(total.shape, np.nan), where=total > 0)


def percentiles(replicates: NDArray[np.float64]) -> tuple[float, float]:
    """The ends of the middle 95 % of the defined replicates (B,); NaN where there is none."""
    defined = replicates[~np.isnan(replicates)]
    if not defined.size:
        return np.nan, np.nan
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


@dataclass(frozen=True, kw_only=True)
class _Resampled(Reading):
    """A reading whose matrices are stacks (B, T, C), one per replicate in `part`."""

    run: ResampledRun
    joint_run: ResampledRun | None
    part: slice

    def matrix(self, base: str = DEFAULT) -> tuple[Matrix, Index]:
        """(R (B, T, C), s); for a pixel metric R (T, C) of NaN."""
        if base not in METRICS_OF_SCORES:
            R, s = super().matrix(base)
            return np.full_like(R, np.nan), s
        if base not in self._matrices:
            self._matrices[base] = self.run.matrix(self.categories, self.part, base)
        return self._matrices[base]

    def joint_matrix(self, base: str = DEFAULT) -> Matrix | None:
        """The last row, which is all that `gap_to_joint` needs."""
        if base not in METRICS_OF_SCORES or self.joint_run is None:
            return super().joint_matrix(base)
        return self.joint_run.final_row(self.categories, self.part, base)

    @cached_property
    def defects(self) -> Mapping[Kind, FloatOrArray]:
        return {kind: values[self.part] for kind, values in self.run.defects.items()}

    def stored(self, name: str) -> FloatOrArray:
        resampled = {
            "pooled_auroc": self.run.pooled_auroc,
            "routing_accuracy": self.run.routing_accuracy,
        }
        value = super().stored(name)
        if np.isnan(value) or name not in resampled:
            return value
        return resampled[name]()[self.part]
