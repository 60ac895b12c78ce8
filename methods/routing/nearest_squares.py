"""Route by the sum of squared distances of all patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...benchmark.interface.experience import TestBatch
from .router import Candidates, Router

if TYPE_CHECKING:
    from torch import Tensor


class NearestSquares(Router):
    """The expert with the lowest sum over patches of the squared distance to its memory.

    Source: GCR (github.com/jw-chae/GCR). Its code draws 32 random patches per batch, so the route
    of an image depends on the other images of the batch and on the order of batches. All patches
    are used here, so that it depends on the image only.
    """

    def route(self, batch: TestBatch, candidates: Candidates) -> Tensor:
        return candidates.distances.double().square().sum(2).argmin(0)
