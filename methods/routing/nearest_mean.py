"""Route by the mean distance of all patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...benchmark.interface.experience import TestBatch
from .router import Candidates, Router

if TYPE_CHECKING:
    from torch import Tensor


class NearestMean(Router):
    """The expert with the lowest mean over patches of the distance to its memory."""

    def route(self, batch: TestBatch, candidates: Candidates) -> Tensor:
        return candidates.distances.double().mean(2).argmin(0)
