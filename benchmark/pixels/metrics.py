"""Pixel AUROC, AP, F1-max and AUPRO of one category, all from one pass over its pixels.

Every one of them needs no more than this: at each distinct score that a defective pixel has, how
many normal pixels lie above it and how many at or above it. Normal pixels are made and counted in
pieces, so memory is bounded by a few of these and the defective pixels, and the counts are exact
whatever the pieces are. Pixels of one score stand or fall together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ...results.errors import CadbenchError
from .maps import MapSpec, full_maps
from .truth import Truth

if TYPE_CHECKING:
    import torch
    from torch import Tensor

FPR_LIMIT = 0.3
"""Where the PRO curve ends (Bergmann et al. 2020)."""
_PIECE = {"cpu": 1 << 18, "cuda": 1 << 22}
"""Pixels whose scores are in memory at a time, of an image at least: on the CPU 1 MB a lane, which
stays in a core's cache."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Pixels by threshold, from the highest distinct score of a defective pixel to the lowest.

    hits (U,) int64 and covered (U,) float64: defective pixels and their summed weights at or above
    the threshold; above, called (U,) int64: normal pixels above it, and at or above it;
    normal: all normal pixels; regions: what `covered` sums up to.
    """

    hits: np.ndarray
    covered: np.ndarray
    above: np.ndarray
    called: np.ndarray
    normal: int
    regions: int


def pixel_metrics(maps: np.ndarray, truth: Truth, spec: MapSpec, device: torch.device) -> Metrics:
    """The four metrics of patch maps (N, h, w) of the images that `truth` describes."""
    import torch

    if len(maps) != truth.images:
        raise CadbenchError(f"{len(maps)} maps for {truth.images} test images")
    if not np.isfinite(maps).all():
        raise CadbenchError(
            "anomaly maps hold NaN or infinite values (float16 ends at 65504); a method must "
            "return finite maps"
        )
    pieces = _Pieces(torch.from_numpy(np.ascontiguousarray(maps)).to(device), truth, spec)
    return metrics_of(count(pieces.defective(), pieces.normal(), truth))


@dataclass(frozen=True, slots=True)
class Metrics:
    """NaN where there is no defective or no normal pixel."""

    pixel_auroc: float
    pixel_ap: float
    pixel_f1_max: float
    aupro: float


def metrics_of(counts: Counts) -> Metrics:
    """The metrics from the counts alone."""
    if not len(counts.hits) or not counts.normal:
        return Metrics(math.nan, math.nan, math.nan, math.nan)
    return Metrics(_auroc(counts), _average_precision(counts), _f1_max(counts), _aupro(counts))


def count(defective: Tensor, normal: Sequence[Callable[[], Tensor]], truth: Truth) -> Counts:
    """Counts from the scores of the defective pixels (K,), in the order of `truth.pixels`, and of
    the normal ones in pieces of any size, each made when it is counted; it may be padded with -inf.
    """
    if defective.device.type == "cpu":
        thresholds, where = _distinct(defective.numpy())
        counted = _beaten_on_cpu(thresholds, normal)
    else:
        import torch

        found, place = torch.unique(defective, return_inverse=True)
        thresholds, where = found.cpu().numpy(), place.cpu().numpy()
        counted = [_beaten(found, piece()) for piece in normal]
    above, called = np.zeros((2, len(thresholds)), np.int64) + sum(counted)
    hits = np.bincount(where, minlength=len(thresholds))
    weights = np.bincount(where, weights=truth.weights, minlength=len(thresholds))
    return Counts(
        hits=np.cumsum(hits[::-1]),
        covered=np.cumsum(weights[::-1]),
        above=above[::-1],
        called=called[::-1],
        normal=truth.normal,
        regions=truth.regions,
    )


def _distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values (U,), ascending, and the place of each value (K,) among them.

    As `numpy.unique`, whose sort for the places is stable, which is not needed, and slow.
    """
    order = np.argsort(values)
    ranked = values[order]
    new = np.ones(len(values), np.bool_)
    np.not_equal(ranked[1:], ranked[:-1], out=new[1:])
    where = np.empty(len(values), np.int64)
    where[order] = np.cumsum(new) - 1
    return ranked[new], where


def _beaten_on_cpu(
    thresholds: np.ndarray, pieces: Sequence[Callable[[], Tensor]]
) -> list[np.ndarray]:
    """(2, U) of each lane: how many values are above each threshold, and at or above it."""
    from ..system.threads import run_parallel, thread_count
    from .ranks import Ladder

    if not len(thresholds):
        return []
    ladder = Ladder.of(thresholds)

    def beaten(share: Sequence[Callable[[], Tensor]]) -> np.ndarray:
        return ladder.beaten(piece().numpy() for piece in share)

    shares = [pieces[lane :: thread_count()] for lane in range(min(thread_count(), len(pieces)))]
    return run_parallel([partial(beaten, share) for share in shares])


def _beaten(thresholds: Tensor, values: Tensor) -> np.ndarray:
    """The same on another device."""
    import torch

    ranked = torch.sort(values).values
    places = [torch.searchsorted(ranked, thresholds, right=right) for right in (True, False)]
    return len(ranked) - torch.stack(places).cpu().numpy()


@dataclass(frozen=True, eq=False)
class _Pieces:
    """The full maps of patch maps (N, h, w), a few images at a time."""

    maps: Tensor
    truth: Truth
    spec: MapSpec

    def defective(self) -> Tensor:
        """(K,) scores of the defective pixels."""
        import torch

        found = [
            self._full(start)[places] for start in self._starts() if len(places := self._of(start))
        ]
        return torch.cat(found) if found else torch.empty(0)

    def normal(self) -> list[Callable[[], Tensor]]:
        """Scores of the normal pixels of each piece, -inf in the place of the defective ones."""
        return [partial(self._normal, start) for start in self._starts()]

    def _normal(self, start: int) -> Tensor:
        full = self._full(start)
        full[self._of(start)] = -math.inf
        return full

    def _starts(self) -> range:
        return range(0, len(self.maps), self._step)

    @property
    def _step(self) -> int:
        """Images in a piece."""
        return max(1, _PIECE[self.maps.device.type] // self.truth.size**2)

    def _of(self, start: int) -> Tensor:
        """Which pixels of a piece are defective."""
        import torch

        low, high = start * self.truth.size**2, (start + self._step) * self.truth.size**2
        first, last = np.searchsorted(self.truth.pixels, [low, high])
        return torch.from_numpy(self.truth.pixels[first:last] - low).to(self.maps.device)

    def _full(self, start: int) -> Tensor:
        """Scores of a piece's pixels (n * size^2,)."""
        maps = self.maps[start : start + self._step]
        return full_maps(maps, self.truth.size, self.spec).flatten()


def _auroc(counts: Counts) -> float:
    """Chance that a defective pixel scores above a normal one, a tie counting half.

    Summed in whole numbers; the only rounding is that of the last division.
    """
    gained = np.diff(counts.hits, prepend=0)
    twice_below = 2 * counts.normal - counts.above - counts.called
    return int((gained * twice_below).sum()) / (2 * int(counts.hits[-1]) * counts.normal)


def _average_precision(counts: Counts) -> float:
    gained = np.diff(counts.hits, prepend=0)
    precision = counts.hits / (counts.hits + counts.called)
    return float((precision * gained).sum() / counts.hits[-1])


def _f1_max(counts: Counts) -> float:
    """A threshold between two defective scores calls more normal pixels and hits no more."""
    return float((2 * counts.hits / (counts.hits + counts.called + counts.hits[-1])).max())


def _aupro(counts: Counts) -> float:
    """Area under mean region overlap against false-positive rate, up to FPR_LIMIT, over it.

    The curve runs flat from one threshold to the next, then straight over the pixels tied there.
    """
    rate = np.empty(2 * len(counts.hits) + 2)
    rate[0], rate[-1] = 0.0, 1.0
    rate[1:-1:2], rate[2:-1:2] = counts.above / counts.normal, counts.called / counts.normal
    overlap = np.repeat(np.concatenate([[0.0], counts.covered / counts.regions]), 2)
    step, rise = np.diff(rate), np.diff(overlap)
    inside = np.divide(FPR_LIMIT - rate[:-1], step, out=np.zeros_like(step), where=step > 0)
    inside = np.clip(inside, 0.0, 1.0)  # the part of each step that lies within the limit
    return float((step * inside * (overlap[:-1] + rise * inside / 2)).sum()) / FPR_LIMIT
