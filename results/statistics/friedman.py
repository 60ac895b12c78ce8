"""Several rows at once: mean ranks, the Friedman test, and Nemenyi's test with its distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Ranking:
    """Of K rows over N units; rank 1 is the best. `nemenyi` (K, K) holds the p of each pair."""

    mean_ranks: NDArray[np.float64]
    statistic: float
    p: float
    nemenyi: NDArray[np.float64]
    critical_difference: float


def ranking(values: ArrayLike, alpha: float = 0.05) -> Ranking | None:
    """The ranking of `values` (K, N), higher being better, as in Demsar (2006).

    None where nothing can be tested: fewer than three rows or two units, or all rows equal.
    """
    from scikit_posthocs import posthoc_nemenyi_friedman
    from scipy.stats import friedmanchisquare, rankdata

    of_rows = np.asarray(values, dtype=np.float64)
    K, N = of_rows.shape
    if K < 3 or N < 2 or (of_rows == of_rows[0]).all():
        return None
    mean_ranks = rankdata(-of_rows, axis=0).mean(axis=1)
    friedman = friedmanchisquare(*of_rows)
    nemenyi = posthoc_nemenyi_friedman(of_rows.T).to_numpy()
    return Ranking(
        mean_ranks,
        float(friedman.statistic),
        float(friedman.pvalue),
        nemenyi,
        critical_difference(K, N, alpha),
    )


def critical_difference(rows: int, units: int, alpha: float = 0.05) -> float:
    """How far two mean ranks lie apart that differ at `alpha`: q sqrt(k (k + 1) / (6 N)).

    q is the quantile of the studentized range over sqrt(2).
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - alpha, rows, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(rows * (rows + 1) / (6 * units)))
