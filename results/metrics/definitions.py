"""What every metric is, in words: for `cadbench metrics` and the footnotes of tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Definition:
    """A metric's formula, range, sign and meaning.

    `published` says which columns of other projects correspond to it, and which only look alike.
    """

    name: str
    formula: str
    range: str
    better: Literal["higher", "lower"]
    sign: str
    meaning: str
    published: str = ""


_ALL = (
    Definition(
        "auroc",
        "(pairs with the defective image above the good one + half the ties) / all pairs",
        "0 to 1",
        "higher",
        "0.5 is guessing; never flipped below it",
        "how well image scores separate defective from good; exact with ties",
        "image AUROC, I-AUROC; IUF and CDAD print max(v, 1 - v) instead",
    ),
    Definition(
        "ap",
        "sum over distinct thresholds of (recall gained) * precision",
        "0 to 1",
        "higher",
        "guessing reaches the share of defective images",
        "average precision of the image scores, not interpolated",
        "image AP",
    ),
    Definition(
        "f1_max",
        "max over thresholds of 2 TP / (2 TP + FP + FN)",
        "0 to 1",
        "higher",
        "calling everything defective reaches 2p / (1 + p), p the share of defective images",
        "the best F1 that a threshold chosen on the test set could reach",
        "image F1-max",
    ),
    Definition(
        "pixel_auroc",
        "(pairs with the defective pixel above the normal one + half the ties) / all pairs",
        "0 to 1",
        "higher",
        "0.5 is guessing; never flipped below it",
        "how well map values separate defective from normal pixels of all test images, good ones "
        "included; maps upsampled bilinearly and smoothed (sigma in the record), exact with ties",
        "pixel AUROC, P-AUROC, full-pixel AUROC",
    ),
    Definition(
        "pixel_ap",
        "as ap, over pixels",
        "0 to 1",
        "higher",
        "guessing reaches the share of defective pixels",
        "average precision of the map values, not interpolated",
        "pixel AP, P-AP, AUPR of UCAD and ReplayCAD",
    ),
    Definition(
        "pixel_f1_max",
        "as f1_max, over pixels",
        "0 to 1",
        "higher",
        "calling everything defective reaches 2p / (1 + p), p the share of defective pixels",
        "the best F1 that a map threshold chosen on the test set could reach",
        "pixel F1-max",
    ),
    Definition(
        "aupro",
        "(area under mean region overlap against false-positive rate, from 0 to 0.3) / 0.3",
        "0 to 1",
        "higher",
        "guessing reaches 0.15",
        "how much of each defect is found at low false-positive rates, small defects weighing as "
        "much as large ones: 8-connected regions on the image's grid, the rate over all normal "
        "pixels of the category, tied values one point, straight lines between points, cut exactly "
        "at 0.3; regions that the crop loses are dropped and counted",
        "AUPRO, PRO, PRO-30; implementations that threshold a grid of values only approach it",
    ),
    Definition(
        "acc",
        "mean over c of R[T, c]",
        "0 to 1",
        "higher",
        "",
        "the average over all categories after the last experience",
        "the final-row mean: MECAD, UCAD, ReplayCAD, CADIC and DFM print this",
    ),
    Definition(
        "acc_incremental",
        "mean over t of the mean over c with s(c) <= t of R[t, c]",
        "0 to 1",
        "higher",
        "",
        "the average along the stream; early experiences with few categories weigh as much",
        "what IUF and CDAD print as ACC",
    ),
    Definition(
        "acc_learned",
        "mean over c of R[s(c), c]",
        "0 to 1",
        "higher",
        "",
        "how well each category was learned, before anything could be forgotten",
    ),
    Definition(
        "bwt",
        "mean over c with s(c) < T of R[T, c] - R[s(c), c]",
        "-1 to 1",
        "higher",
        "negative = forgetting",
        "what later experiences did to earlier categories",
        "BWT of GEM; minus Avalanche's forgetting; pyCLAD's BWT is a one-step difference",
    ),
    Definition(
        "bwt_all",
        "mean over c of R[T, c] - R[s(c), c]",
        "-1 to 1",
        "higher",
        "negative = forgetting",
        "as bwt, the categories of the last experience counting as zero",
    ),
    Definition(
        "fm",
        "mean over c with s(c) < T of (max over s(c) <= t < T of R[t, c]) - R[T, c]",
        "-1 to 1",
        "lower",
        "positive = forgetting",
        "the fall from the best value before the last experience",
        "FM, its maximum taken from learning on: Continual-MEGA's includes rows before learning, "
        "that of PyCIL and Mammoth the final row; pyCLAD's mean includes the category just learned",
    ),
    Definition(
        "fm_clamped",
        "as fm, each term at least 0",
        "0 to 1",
        "lower",
        "positive = forgetting",
        "fm where a category that improved does not make up for one that was forgotten",
        "FM of PyCIL and Mammoth, whose maximum includes the final row",
    ),
    Definition(
        "worst_drop",
        "min over c of R[T, c] - R[s(c), c]",
        "-1 to 0",
        "higher",
        "negative = forgetting",
        "the category that was forgotten most",
    ),
    Definition(
        "expert_forgetting",
        "mean over experts of the mean over their categories of R[T, c] - R[s(c), c]",
        "-1 to 1",
        "higher",
        "negative = forgetting",
        "forgetting as experts see it: each weighs the same however many categories it owns",
    ),
    Definition(
        "expert_worst_drop",
        "mean over experts of the min over their categories of R[T, c] - R[s(c), c]",
        "-1 to 1",
        "higher",
        "negative = forgetting",
        "the worst category of every expert, averaged",
        "one reading that MECAD's forgetting allows; the paper does not define it",
    ),
    Definition(
        "fwt",
        "mean over c with s(c) > 1 of R[s(c) - 1, c] - 0.5",
        "-0.5 to 0.5",
        "higher",
        "positive = categories not yet learned are already told apart",
        "the lead over guessing just before a category is learned; for other metrics than AUROC "
        "the 0.5 becomes what guessing reaches there",
        "FWT of GEM, with guessing for its random initialization",
    ),
    Definition(
        "gap_to_joint",
        "acc(joint) - acc",
        "-1 to 1",
        "lower",
        "positive = worse than training on all categories at once",
        "what is left to the upper bound of the same protocol, order, seed and features; the bound "
        "of a trained detector, such as stfpm+ewc, is its own: stfpm+joint",
        "what ReplayCAD prints as forgetting",
    ),
    Definition(
        "pooled_auroc",
        "one AUROC over the test images of all c with s(c) <= t, after experience t",
        "0 to 1",
        "higher",
        "0.5 is guessing",
        "one threshold for all categories: scores of different experts must be comparable; "
        "inferred routing only",
    ),
    Definition(
        "routing_accuracy",
        "test images sent to the expert that owns their category / test images sent to any",
        "0 to 1",
        "higher",
        "",
        "how often the right expert answers; inferred routing only",
    ),
)

DEFINITIONS: Mapping[str, Definition] = {definition.name: definition for definition in _ALL}
