"""Route by the similarity of mean vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...benchmark.interface.experience import TestBatch
from .router import Candidates, Router

if TYPE_CHECKING:
    from torch import Tensor


class Centroid(Router):
    """The expert whose mean memory vector has the highest cosine with the image's mean patch."""

    def route(self, batch: TestBatch, candidates: Candidates) -> Tensor:
        import torch
        from torch.nn.functional import normalize

        images = normalize(batch.patches.double().mean(1), dim=1)
        means = torch.stack(
            [
                torch.cat([block.vectors for block in blocks]).double().mean(0)
                for blocks in candidates.memories
            ]
        )
        return (normalize(means, dim=1) @ images.T).argmax(0)
