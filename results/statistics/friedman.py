"""Mean ranks of several rows, the Friedman test, and Nemenyi's test with its critical distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Ranking:
    """The ranks of K rows over N units.

    Args:
        mean_ranks: (K,), 1 is best.
        statistic, p: of the Friedman test.
        nemenyi: (K, K) the p of each pair.
        critical_difference: the least significant difference of mean ranks (Nemenyi).
    """

    mean_ranks: NDArray[np.float64]
    statistic: float
    p: float
    nemenyi: NDArray[np.float64]
    critical_difference: float


def ranking(values: ArrayLike, alpha: float = 0.05) -> Ranking | None:
    """Rank rows over units, as in Demsar (2006).

    Args:
        values: (K, N), higher is better.
        alpha: the level of the critical difference.

    Returns:
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
    """The distance from which two mean ranks differ at `alpha`: q sqrt(k (k + 1) / (6 N)).

    q is the quantile of the studentized range, divided by sqrt(2).
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - alpha, rows, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(rows * (rows + 1) / (6 * units)))
