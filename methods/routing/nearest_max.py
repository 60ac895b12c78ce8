"""Route by the image score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...benchmark.interface.experience import TestBatch
from .router import Candidates, Router

if TYPE_CHECKING:
    from torch import Tensor


class NearestMax(Router):
    """The expert with the lowest image score, which an anomaly in the image biases."""

    def route(self, batch: TestBatch, candidates: Candidates) -> Tensor:
        return candidates.distances.amax(2).argmin(0)
