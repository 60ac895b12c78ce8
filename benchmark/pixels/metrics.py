"""Pixel AUROC, AP, F1-max, AUPRO and AUPIMO of one category.

All but AUPIMO follow from the number of normal pixels above, and at or above, each distinct score
of a defective pixel. Normal pixels are scored and counted in chunks of images, which bounds memory;
the counts are exact, so the chunks do not matter. Pixels of equal score are counted together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ...results.errors import CadbenchError
from .aupimo import aupimo, highest_scores
from .maps import MapSpec, full_maps
from .truth import Truth

if TYPE_CHECKING:
    import torch
    from torch import Tensor

FPR_LIMIT = 0.3
"""Where the PRO curve ends (Bergmann et al. 2020)."""
_CHUNK = {"cpu": 1 << 18, "cuda": 1 << 22}
"""Pixels per chunk, by device type, but at least one image; on the CPU 1 MB per thread, which stays
in a core's cache."""


@dataclass(frozen=True, slots=True)
class PixelMetrics:
    """The pixel metrics of one category; NaN if there is no defective or no normal pixel."""

    pixel_auroc: float
    pixel_ap: float
    pixel_f1_max: float
    aupro: float
    aupimo: float = math.nan


def pixel_metrics(
    maps: np.ndarray, truth: Truth, spec: MapSpec, device: torch.device
) -> PixelMetrics:
    """Compute the pixel metrics of one category.

    Args:
        maps: (N, h, w) patch maps of the images of `truth`, in its order.
        truth: the defective pixels.
        spec: how patch maps become full-size maps.

    Raises:
        CadbenchError: a map holds NaN or infinite values, or N is not the number of images.
    """
    import torch

    if len(maps) != truth.images:
        raise CadbenchError(f"{len(maps)} maps for {truth.images} test images")
    if not np.isfinite(maps).all():
        raise CadbenchError(
            "anomaly maps hold NaN or infinite values (float16 ends at 65504); a method must "
            "return finite maps"
        )
    patch_maps = torch.from_numpy(np.ascontiguousarray(maps)).to(device)
    area = truth.size**2
    step = max(1, _CHUNK[device.type] // area)

    def scores_of(images: slice | Tensor) -> Tensor:
        return full_maps(patch_maps[images], truth.size, spec).flatten()

    def defective_pixels(start: int) -> Tensor:
        """Indices of a chunk's defective pixels in the chunk."""
        first, last = np.searchsorted(truth.pixels, [start * area, (start + step) * area])
        return torch.from_numpy(truth.pixels[first:last] - start * area).to(device)

    def normal(start: int) -> Tensor:
        """Scores of a chunk, -inf at defective pixels."""
        scores = scores_of(slice(start, start + step))
        scores[defective_pixels(start)] = -math.inf
        return scores

    starts = range(0, len(maps), step)
    found = [
        scores_of(slice(start, start + step))[pixels]
        for start in starts
        if len(pixels := defective_pixels(start))
    ]
    defective = torch.cat(found) if found else torch.empty(0)
    counts = count_by_threshold(defective, [partial(normal, start) for start in starts], truth)
    good = torch.from_numpy(truth.normal_images).to(device).split(step)
    highest = highest_scores(
        (scores_of(part) for part in good if len(part)), truth.pixels_of_normal_images
    )
    images = truth.pixels // area
    return replace(
        metrics_from_counts(counts), aupimo=aupimo(defective.cpu().numpy(), images, highest)
    )


@dataclass(frozen=True, eq=False)
class Counts:
    """Pixels at or above each threshold: the U distinct scores of defective pixels, descending.

    Attributes:
        hits: (U,) int64, defective pixels.
        overlap: (U,) float64, summed weights of the defective pixels; `regions` at the end.
        above: (U,) int64, normal pixels that are above the threshold.
        false_alarms: (U,) int64, normal pixels.
        normal: number of all normal pixels.
        regions: number of all regions.
    """

    hits: np.ndarray
    overlap: np.ndarray
    above: np.ndarray
    false_alarms: np.ndarray
    normal: int
    regions: int


def metrics_from_counts(counts: Counts) -> PixelMetrics:
    """Compute the metrics that follow from counts: all but AUPIMO."""
    if not len(counts.hits) or not counts.normal:
        return PixelMetrics(math.nan, math.nan, math.nan, math.nan)
    return PixelMetrics(_auroc(counts), _average_precision(counts), _f1_max(counts), _aupro(counts))


def count_by_threshold(
    defective: Tensor, normal: Sequence[Callable[[], Tensor]], truth: Truth
) -> Counts:
    """Count pixels by threshold.

    Args:
        defective: (K,) scores of the defective pixels, in the order of `truth.pixels`.
        normal: functions that return the scores of some of the normal pixels, padded with -inf;
            each is called when it is counted.
        truth: the defective pixels.
    """
    if defective.device.type == "cpu":
        thresholds, indices = np.unique(defective.numpy(), return_inverse=True)
        normal_counts = _count_on_cpu(thresholds, normal)
    else:
        import torch

        unique, inverse = torch.unique(defective, return_inverse=True)
        thresholds, indices = unique.cpu().numpy(), inverse.cpu().numpy()
        normal_counts = [_count_on_device(unique, scores()) for scores in normal]
    above, false_alarms = np.zeros((2, len(thresholds)), np.int64) + sum(normal_counts)
    hits = np.bincount(indices, minlength=len(thresholds))
    weights = np.bincount(indices, weights=truth.weights, minlength=len(thresholds))
    return Counts(
        hits=np.cumsum(hits[::-1]),
        overlap=np.cumsum(weights[::-1]),
        above=above[::-1],
        false_alarms=false_alarms[::-1],
        normal=truth.normal,
        regions=truth.regions,
    )


def _count_on_cpu(
    thresholds: np.ndarray, chunks: Sequence[Callable[[], Tensor]]
) -> list[np.ndarray]:
    """Count values above each threshold, and at or above it: (2, U) int64 per thread."""
    from ..system.threads import run_parallel, thread_count
    from .threshold_counts import ThresholdBuckets

    if not len(thresholds):
        return []
    buckets = ThresholdBuckets.build(thresholds)

    def count(share: Sequence[Callable[[], Tensor]]) -> np.ndarray:
        return buckets.count(scores().numpy() for scores in share)

    threads = thread_count()
    shares = [chunks[number::threads] for number in range(min(threads, len(chunks)))]
    return run_parallel([partial(count, share) for share in shares])


def _count_on_device(thresholds: Tensor, values: Tensor) -> np.ndarray:
    """The same counts (2, U) of one chunk, computed on another device."""
    import torch

    ranked = torch.sort(values).values
    below = [torch.searchsorted(ranked, thresholds, right=right) for right in (True, False)]
    return len(ranked) - torch.stack(below).cpu().numpy()


def _auroc(counts: Counts) -> float:
    """Probability that a defective pixel scores above a normal one, a tie counting half.

    Summed in integers; only the last division rounds.
    """
    gained = np.diff(counts.hits, prepend=0)
    twice_below = 2 * counts.normal - counts.above - counts.false_alarms
    return int((gained * twice_below).sum()) / (2 * int(counts.hits[-1]) * counts.normal)


def _average_precision(counts: Counts) -> float:
    gained = np.diff(counts.hits, prepend=0)
    precision = counts.hits / (counts.hits + counts.false_alarms)
    return float((precision * gained).sum() / counts.hits[-1])


def _f1_max(counts: Counts) -> float:
    """The best threshold is a defective score: between two, there are only more false alarms."""
    return float((2 * counts.hits / (counts.hits + counts.false_alarms + counts.hits[-1])).max())


def _aupro(counts: Counts) -> float:
    """Area under mean region overlap against false-positive rate up to FPR_LIMIT, / FPR_LIMIT.

    Between thresholds the curve is flat; over the pixels tied at a threshold it is a straight line.
    """
    rate = np.empty(2 * len(counts.hits) + 2)
    rate[0], rate[-1] = 0.0, 1.0
    rate[1:-1:2], rate[2:-1:2] = counts.above / counts.normal, counts.false_alarms / counts.normal
    overlap = np.repeat(np.concatenate([[0.0], counts.overlap / counts.regions]), 2)
    step, rise = np.diff(rate), np.diff(overlap)
    inside = np.divide(FPR_LIMIT - rate[:-1], step, out=np.zeros_like(step), where=step > 0)
    inside = np.clip(inside, 0.0, 1.0)  # the part of each step within the limit
    return float((step * inside * (overlap[:-1] + rise * inside / 2)).sum()) / FPR_LIMIT
