"""The tables of `cadbench compare`: rows with their ranks, and pairs with their tests."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..analysis.rows import (
    Defaults,
    Row,
    backbone_labels,
    describe_runs,
    method_labels,
    parameter_labels,
    short_key,
)
from ..counts import format_count, pluralize
from ..metrics.registry import CATEGORY_METRICS, MATRIX_METRICS
from ..rendering.table import Column, Spread, Table, Value, text_column
from ..statistics.bootstrap import Bootstrap, percentiles
from ..statistics.friedman import Ranking
from ..statistics.intervals import NO_PIXEL_INTERVAL, describe_draws
from ..statistics.paired import Pair, Paired
from ..statistics.wilcoxon import smallest_p

_UNIT_NOUNS = {"category": "category", "category_run": "category run"}

_MEANING = {
    "final": "R[T, c], after the last experience",
    "learned": "R[s(c), c], right after a category is learned",
    "change": "R[T, c] - R[s(c), c]",
}


def row_titles(rows: Sequence[Row], defaults: Defaults | None = None) -> list[str]:
    """Titles such as `mecad experts=5`; with the backbone, and the key, where titles would be
    equal.
    """
    backbones = backbone_labels(rows)
    parts = [method_labels(rows), parameter_labels(rows, defaults)]
    parts += [backbones] * (len(set(backbones)) > 1)
    titles = [" ".join(filter(None, words)) for words in zip(*parts, strict=True)]
    return [
        f"{title} ({short_key(row)})" if titles.count(title) > 1 else title
        for title, row in zip(titles, rows, strict=True)
    ]


def paired_tables(
    paired: Paired,
    titles: Sequence[str],
    ranked: Ranking | None,
    bootstrap: Bootstrap,
    alpha: float,
) -> list[Table]:
    """The table of rows and, below it, the table of pairs.

    Args:
        paired: the values to compare.
        titles: one title per row.
        ranked: sort the rows by mean rank.
        bootstrap: intervals of the means.
        alpha: significance level.
    """
    replicates = paired.replicates(bootstrap)
    pairs = paired.pairs(replicates)
    draws = NO_PIXEL_INTERVAL
    if replicates is not None:
        draws = describe_draws(paired.rows, bootstrap.draws.replicates)
    return [
        _rows_table(paired, titles, ranked, replicates, (draws,), alpha),
        _pairs_table(paired, titles, ranked, pairs, alpha),
    ]


def _rows_table(
    paired: Paired,
    titles: Sequence[str],
    ranked: Ranking | None,
    replicates: NDArray[np.float64] | None,
    draws: tuple[str, ...],
    alpha: float,
) -> Table:
    K, N = paired.units.shape
    rows: list[tuple[Value, ...]] = []
    order = range(K) if ranked is None else np.argsort(ranked.mean_ranks, kind="stable").tolist()
    for k in order:
        low, high = (math.nan,) * 2 if replicates is None else percentiles(replicates[k])
        mean = float(paired.units[k].mean()) if N else math.nan
        rank = math.nan if ranked is None else float(ranked.mean_ranks[k])
        spread = Spread(mean, math.nan, N, low, high)
        rows.append((titles[k], spread, *([rank] if K > 2 else [])))
    name = paired.base if paired.value == "final" else f"{paired.base} {paired.value}"
    heading = [text_column("row"), Column(name, 3, paired.better)]
    heading += [Column("mean rank", 2, "lower")] * (K > 2)
    first = paired.rows[0]
    title = (
        f"{paired.base}, {paired.value}: {first.first.protocol}, {first.first.routing} routing, "
        f"{describe_runs(first)}"
    )
    notes = [f"{name}: mean over {_units(paired, N)} of {_MEANING[paired.value]}"]
    if paired.value == "change":
        notes[0] += f", {MATRIX_METRICS['bwt'].sign_of(CATEGORY_METRICS[paired.base])}"
        notes.append(
            "the mean includes the categories of the last experience, which cannot have changed "
            "and which bwt leaves out; with one order they are ties"
        )
    defined = paired.counted.max(axis=0)
    left_out = [c for c, counts in zip(paired.categories, defined, strict=True) if not counts]
    if left_out:
        notes.append(f"left out, as not every row defines them: {', '.join(left_out)}")
    notes += draws
    if K > 2:
        notes += _rank_notes(ranked, K, N, paired, alpha)
    return Table(title, tuple(heading), tuple(rows), tuple(notes))


def _rank_notes(ranked: Ranking | None, K: int, N: int, paired: Paired, alpha: float) -> list[str]:
    if ranked is None:
        return [f"no ranks: the Friedman test needs two {_plural(paired)} and rows that differ"]
    notes = [
        f"mean rank: 1 is best; Friedman chi-squared {ranked.statistic:.2f}, {K - 1} degrees of "
        f"freedom, p {_probability(ranked.p)}",
        f"mean ranks differ at {alpha:g} where they are {ranked.critical_difference:.2f} apart "
        f"(Nemenyi, {K} rows, {_units(paired, N)})",
    ]
    if N < 10:
        notes.append(f"with {_units(paired, N)} the p of Friedman and Nemenyi is a rough one")
    return notes


def _pairs_table(
    paired: Paired,
    titles: Sequence[str],
    ranked: Ranking | None,
    pairs: Sequence[Pair],
    alpha: float,
) -> Table:
    K, N = paired.units.shape
    rows: list[tuple[Value, ...]] = []
    for pair in pairs:
        nemenyi = (
            []
            if K < 3
            else [math.nan if ranked is None else float(ranked.nemenyi[pair.one, pair.other])]
        )
        rows.append(
            (
                titles[pair.one],
                titles[pair.other],
                Spread(pair.difference, math.nan, N, pair.low, pair.high),
                *(pair.wins, pair.ties, pair.losses),
                *(pair.p, pair.p_holm, *nemenyi),
                pair.effect,
            )
        )
    columns = (
        text_column("row"),
        text_column("against"),
        Column("difference", 3),
        *(Column(name) for name in ("wins", "ties", "losses")),
        *(Column(name, 4, probability=True) for name in ("p", "p (Holm)")),
        *([Column("p (Nemenyi)", 4, probability=True)] if K > 2 else []),
        Column("effect", 2),
    )
    interval = any(not math.isnan(pair.low) for pair in pairs)
    notes = [
        f"difference: row minus against{', its interval from the same draws for both' * interval}; "
        f"wins: {_plural(paired)} in which the row is {paired.better}",
        "p: Wilcoxon signed-rank test, two-sided, zeros by Pratt; Holm: corrected for "
        f"{format_count(len(pairs), 'pair')}",
        "the interval is about other images, seeds and orders of these categories, the tests about "
        "other categories"
        if interval
        else "the tests are about other categories",
        f"effect: matched-pairs rank-biserial correlation, 1 where the row is {paired.better} "
        "throughout",
        *_test_notes(paired, pairs, alpha),
    ]
    return Table("In pairs", columns, tuple(rows), tuple(notes))


def _test_notes(paired: Paired, pairs: Sequence[Pair], alpha: float) -> list[str]:
    N = paired.units.shape[1]
    notes = []
    if N < 2:
        notes.append(f"no test: there are fewer than two {_plural(paired)}")
    elif any(math.isnan(pair.p) for pair in pairs):
        notes.append(f"no test of rows that are equal in all {_plural(paired)}")
    if N >= 2 and smallest_p(N) > alpha:
        notes.append(
            f"with {_units(paired, N)} no p lies below {smallest_p(N):.2g}, whatever the difference"
        )
    if paired.unit == "category_run":
        notes.append(
            "the units are (category, seed, order): those of one category share its images and "
            "are not independent, so p is too small; the default, --unit category, is not misled"
        )
    return notes


def _plural(paired: Paired) -> str:
    return pluralize(_UNIT_NOUNS[paired.unit], 2)


def _units(paired: Paired, n: int) -> str:
    return format_count(n, _UNIT_NOUNS[paired.unit])


def _probability(p: float) -> str:
    return "<0.0001" if p < 1e-4 else f"{p:.4f}"
