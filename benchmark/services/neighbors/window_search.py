"""The k nearest vectors among those from near a patch's own place in the image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ....results.errors import CadbenchError
from ...interface.memory_block import Block
from .k_nearest import k_nearest


def k_nearest_in_window(
    patches: Tensor, blocks: Sequence[Block], k: int, *, grid: tuple[int, int], radius: int
) -> Tensor:
    """Find the k nearest vectors of each patch that come from its neighborhood.

    The neighborhood of a patch is a square of the grid with the patch in its center. A patch
    without vectors in its neighborhood is compared with all vectors.

    Args:
        patches: (B, P, D) float32, P = h * w.
        blocks: one or more blocks with places, M vectors in all.
        k: number of vectors, at least 1.
        grid: (h, w) of the patch grid.
        radius: rows and columns from the center of the square to its edge.

    Returns:
        Distances (B, P, min(k, M)) float32, ascending; infinite where a neighborhood has fewer.

    Raises:
        CadbenchError: a block has no places.
    """
    places = []
    for block in blocks:
        if block.places is None:
            raise CadbenchError(
                "a search near the place of a patch needs the places of all vectors; give them: "
                "Block.of(vectors, places=...)"
            )
        places.append(block.places)
    vectors = torch.cat([block.vectors for block in blocks])
    row, column = np.divmod(np.concatenate(places).astype(np.int64), grid[1])
    images, count = patches.shape[:2]
    shape = (images, count, min(k, len(vectors)))
    distances = torch.full(shape, torch.inf, device=patches.device)
    for place in range(count):
        here = divmod(place, grid[1])
        near = np.flatnonzero((abs(row - here[0]) <= radius) & (abs(column - here[1]) <= radius))
        candidates = vectors[torch.from_numpy(near).to(vectors.device)] if len(near) else vectors
        found, _ = k_nearest(patches[:, place], candidates, k)
        distances[:, place, : found.shape[1]] = found
    return distances
