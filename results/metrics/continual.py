"""Continual metrics: pure functions of the matrix R and of when each category was introduced.

R (T, C) is a metric of category c after experience t = 1..T, NaN where it was not measured; a stack
of matrices (B, T, C) gives B values. s (C,) is the experience, from 1, that introduces c.

Terms that are NaN do not enter a mean; `Measured.n` says how many categories did, and an empty mean
is NaN. To add one, write its function and record here and name the record in `METRICS`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .matrix_terms import (
    change,
    checked,
    experience_numbers,
    fall,
    mean,
    mean_over_experts,
    when_learned,
    worst,
)
from .metric import ContinualMetric, Measured


def acc(R: ArrayLike, s: ArrayLike) -> Measured:
    """Average value after the last experience: the mean over categories of R[T, c]."""
    matrix, _ = checked(R, s)
    return mean(matrix[..., -1, :])


ACC = ContinualMetric(
    name="acc",
    heading="acc",
    function=acc,
    higher_is_better=True,
    range="0 to 1",
    formula="mean over c of R[T, c]",
    meaning="the average over all categories after the last experience",
    published="the final-row mean: MECAD, ReplayCAD, CADIC and DFM print this",
)


def acc_incremental(R: ArrayLike, s: ArrayLike) -> Measured:
    """Mean over experiences of the mean over the categories seen until then."""
    matrix, first = checked(R, s)
    seen = np.where(experience_numbers(matrix) >= first, matrix, np.nan)
    entered = int((~np.isnan(seen)).any(axis=-2).sum(axis=-1).min())
    rows = [np.asarray(mean(seen[..., t, :]).value) for t in range(seen.shape[-2])]
    return Measured(mean(np.stack(rows, axis=-1)).value, entered)


ACC_INCREMENTAL = ContinualMetric(
    name="acc_incremental",
    heading="acc_incremental",
    function=acc_incremental,
    higher_is_better=True,
    range="0 to 1",
    formula="mean over t of the mean over c with s(c) <= t of R[t, c]",
    meaning="the average along the stream; early experiences with few categories weigh as much",
    published="what IUF and CDAD print as ACC",
)


def acc_learned(R: ArrayLike, s: ArrayLike) -> Measured:
    """Average value when learned: the mean over categories of R[s(c), c]."""
    matrix, first = checked(R, s)
    return mean(when_learned(matrix, first))


ACC_LEARNED = ContinualMetric(
    name="acc_learned",
    heading="acc_learned",
    function=acc_learned,
    higher_is_better=True,
    range="0 to 1",
    formula="mean over c of R[s(c), c]",
    meaning="how well each category was learned, before anything could be forgotten",
    published="what UCAD prints: each category is tested right after its own training",
)


def bwt(R: ArrayLike, s: ArrayLike) -> Measured:
    """Backward transfer: mean of R[T, c] - R[s(c), c] over s(c) < T; negative = forgetting."""
    matrix, first = checked(R, s)
    return mean(change(matrix, first)[..., first < matrix.shape[-2]])


BWT = ContinualMetric(
    name="bwt",
    heading="bwt",
    function=bwt,
    higher_is_better=True,
    range="-1 to 1",
    formula="mean over c with s(c) < T of R[T, c] - R[s(c), c]",
    sign="negative = forgetting",
    meaning="what later experiences did to earlier categories",
    published="BWT of GEM, Avalanche and Mammoth; minus Avalanche's forgetting; pyCLAD's BWT is "
    "this times 2 / T",
)


def bwt_all(R: ArrayLike, s: ArrayLike) -> Measured:
    """As `bwt`, over all categories: those of the last experience count as zero change."""
    matrix, first = checked(R, s)
    return mean(change(matrix, first))


BWT_ALL = ContinualMetric(
    name="bwt_all",
    heading="bwt_all",
    function=bwt_all,
    higher_is_better=True,
    range="-1 to 1",
    formula="mean over c of R[T, c] - R[s(c), c]",
    sign="negative = forgetting",
    meaning="as bwt, the categories of the last experience counting as zero",
)


def fm(R: ArrayLike, s: ArrayLike) -> Measured:
    """Forgetting: mean fall from the best value before the last experience; positive = worse."""
    return mean(fall(*checked(R, s)))


FM = ContinualMetric(
    name="fm",
    heading="fm",
    function=fm,
    higher_is_better=False,
    extreme=True,
    range="-1 to 1",
    formula="mean over c with s(c) < T of (max over s(c) <= t < T of R[t, c]) - R[T, c]",
    formula_where_lower=(
        "mean over c with s(c) < T of R[T, c] - (min over s(c) <= t < T of R[t, c])"
    ),
    sign="positive = forgetting",
    meaning="the fall from the best value before the last experience",
    published="FM, its maximum taken from learning on, as in Continual-MEGA, whose script leaves "
    "earlier cells 0. The maximum of pyCLAD includes rows before learning, that of PyCIL and "
    "Mammoth the final row; pyCLAD's mean also includes the category just learned",
)


def fm_clamped(R: ArrayLike, s: ArrayLike) -> Measured:
    """As `fm`, but a category that improved counts as zero."""
    return mean(np.maximum(fall(*checked(R, s)), 0.0))


FM_CLAMPED = ContinualMetric(
    name="fm_clamped",
    heading="fm_clamped",
    function=fm_clamped,
    higher_is_better=False,
    extreme=True,
    range="0 to 1",
    formula="as fm, each term at least 0",
    sign="positive = forgetting",
    meaning="fm where a category that improved does not make up for one that was forgotten",
    published="FM of PyCIL and Mammoth, whose maximum includes the final row",
)


def worst_drop(R: ArrayLike, s: ArrayLike) -> Measured:
    """The most negative change since learning."""
    matrix, first = checked(R, s)
    return worst(change(matrix, first))


WORST_DROP = ContinualMetric(
    name="worst_drop",
    heading="worst_drop",
    function=worst_drop,
    higher_is_better=True,
    extreme=True,
    range="-1 to 1",
    formula="min over c of R[T, c] - R[s(c), c]",
    formula_where_lower="max over c of R[T, c] - R[s(c), c]",
    sign="negative = forgetting",
    meaning="the category that was forgotten most; above 0 only where the categories of the last "
    "experience are undefined",
)


def fwt(R: ArrayLike, s: ArrayLike, chance: ArrayLike = 0.5) -> Measured:
    """Forward transfer: mean of R[s(c) - 1, c] - chance over the categories with s(c) > 1.

    chance: what guessing reaches, one number or one per category (C,).
    """
    matrix, first = checked(R, s)
    later = first > 1
    before = matrix[..., first[later] - 2, np.flatnonzero(later)]
    return mean(before - np.broadcast_to(chance, first.shape)[later])


FWT = ContinualMetric(
    name="fwt",
    heading="fwt",
    function=fwt,
    needs="chance",
    higher_is_better=True,
    range="-1 to 1",
    formula="mean over c with s(c) > 1 of R[s(c) - 1, c] - g, g what guessing reaches, 0.5 for "
    "AUROC",
    sign="positive = categories not yet learned are already told apart",
    meaning="the lead over guessing just before a category is learned",
    published="FWT of GEM, with guessing for its random initialization",
)


def expert_forgetting(R: ArrayLike, s: ArrayLike, owner: ArrayLike) -> Measured:
    """Mean over experts of the mean change since learning of their categories.

    owner: (C,) int, the expert that owns each category, -1 for none.
    """
    return mean_over_experts(R, s, owner, mean)


EXPERT_FORGETTING = ContinualMetric(
    name="expert_forgetting",
    heading="expert_forgetting",
    function=expert_forgetting,
    needs="owners",
    higher_is_better=True,
    range="-1 to 1",
    formula="mean over experts of the mean over their categories of R[T, c] - R[s(c), c]",
    sign="negative = forgetting",
    meaning="forgetting as experts see it: each weighs the same however many categories it owns",
)


def expert_worst_drop(R: ArrayLike, s: ArrayLike, owner: ArrayLike) -> Measured:
    """Mean over experts of the worst change since learning of their categories."""
    return mean_over_experts(R, s, owner, worst)


EXPERT_WORST_DROP = ContinualMetric(
    name="expert_worst_drop",
    heading="expert_worst_drop",
    function=expert_worst_drop,
    needs="owners",
    higher_is_better=True,
    extreme=True,
    range="-1 to 1",
    formula="mean over experts of the min over their categories of R[T, c] - R[s(c), c]",
    formula_where_lower="mean over experts of the max over their categories of R[T, c] - "
    "R[s(c), c]",
    sign="negative = forgetting",
    meaning="the worst category of every expert, averaged",
    published="one reading that MECAD's forgetting allows; the paper does not define it",
)


def gap_to_joint(R: ArrayLike, s: ArrayLike, joint: ArrayLike) -> Measured:
    """acc(joint) - acc over the categories defined in both; `joint` is its R, same columns."""
    matrix, _ = checked(R, s)
    joint_matrix, _ = checked(joint, np.ones(matrix.shape[-1], dtype=np.int64))
    return mean(joint_matrix[..., -1, :] - matrix[..., -1, :])


GAP_TO_JOINT = ContinualMetric(
    name="gap_to_joint",
    heading="gap_to_joint",
    function=gap_to_joint,
    needs="joint",
    higher_is_better=False,
    range="-1 to 1",
    formula="acc(joint) - acc",
    formula_where_lower="acc - acc(joint)",
    sign="positive = worse than training on all categories at once, negative = better",
    meaning="what is left to joint training of the same detector and capacity, with the same "
    "protocol, order, seed and features: memory banks to joint, stfpm+ewc to stfpm+joint, a method "
    "with a regime to regime=joint; where it is negative, joint is no upper bound",
    published="what ReplayCAD prints as forgetting",
)

# The order of the rows of metrics.parquet, as far as they are stored.
METRICS = (
    ACC, ACC_INCREMENTAL, ACC_LEARNED, BWT, BWT_ALL, FM, FM_CLAMPED, WORST_DROP, FWT,
    EXPERT_FORGETTING, EXPERT_WORST_DROP, GAP_TO_JOINT,
)  # fmt: skip
