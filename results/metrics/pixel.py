"""Pixel metrics, whose values `benchmark.pixels` computes on the anomaly maps."""

from __future__ import annotations

import math

from .metric import PixelMetric, constant_chance

PIXEL_AUROC = PixelMetric(
    name="pixel_auroc",
    heading="pixel AUROC",
    chance=constant_chance(0.5),
    higher_is_better=True,
    range="0 to 1",
    formula="(pairs with the defective pixel above the normal one + half the ties) / all pairs",
    sign="0.5 is guessing; never flipped below it",
    meaning="how well map values separate defective from normal pixels of all test images, good "
    "ones included; maps upsampled bilinearly and smoothed (sigma in the record), exact with ties",
    published="pixel AUROC, P-AUROC, full-pixel AUROC",
)

PIXEL_AP = PixelMetric(
    name="pixel_ap",
    heading="pixel AP",
    # The expected value for random scores, in the limit of many pixels.
    chance=lambda share: share,
    higher_is_better=True,
    range="0 to 1",
    formula="as ap, over pixels",
    sign="guessing reaches the share of defective pixels",
    meaning="average precision of the map values, not interpolated",
    published="pixel AP, P-AP, AUPR of UCAD and ReplayCAD",
)

PIXEL_F1_MAX = PixelMetric(
    name="pixel_f1_max",
    heading="pixel F1-max",
    # All pixels flagged.
    chance=lambda share: 2 * share / (1 + share),
    higher_is_better=True,
    range="0 to 1",
    formula="as f1_max, over pixels",
    sign="calling everything defective reaches 2p / (1 + p), p the share of defective pixels",
    meaning="the best F1 that a map threshold chosen on the test set could reach",
    published="pixel F1-max",
)

AUPRO = PixelMetric(
    name="aupro",
    heading="AUPRO",
    # Half its limit: the region overlap of a random map equals its false-positive rate.
    chance=constant_chance(0.15),
    higher_is_better=True,
    range="0 to 1",
    formula="(area under mean region overlap against false-positive rate, from 0 to 0.3) / 0.3",
    sign="guessing reaches 0.15",
    meaning="how much of each defect is found at low false-positive rates, small defects weighing "
    "as much as large ones: 8-connected regions on the image's grid, the rate over all normal "
    "pixels of the category, tied values one point, straight lines between points, cut exactly at "
    "0.3; regions that the crop loses are dropped and counted",
    published="AUPRO, PRO, PRO-30; implementations that threshold a grid of values only approach "
    "it",
)

AUPIMO = PixelMetric(
    name="aupimo",
    heading="AUPIMO",
    # The overlap of a random map equals its false-positive rate x: the mean of x over log x.
    chance=constant_chance((1e-4 - 1e-5) / math.log(10)),
    higher_is_better=True,
    range="0 to 1",
    formula="mean over defective images of (area under the share of their defective pixels found "
    "against the log of the false-positive rate, from 1e-5 to 1e-4) / log 10",
    sign="guessing reaches 0.00004",
    meaning="how much of each defective image is found at rates that a factory can accept: one "
    "false pixel in 10,000 to 100,000 of images without a defect; each image weighs the same",
    published="AUPIMO, the mean over images; anomalib samples 300,000 thresholds and integrates "
    "between those nearest to the bounds, this one is exact",
)

METRICS = (PIXEL_AUROC, PIXEL_AP, PIXEL_F1_MAX, AUPRO, AUPIMO)
