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
    height, width = grid
    rows, columns = np.divmod(np.concatenate(places).astype(np.int64), width)
    own_rows, own_columns = np.divmod(np.arange(height * width), width)
    near = abs(rows - own_rows[:, None]) <= radius
    near &= abs(columns - own_columns[:, None]) <= radius
    near[~near.any(1)] = True
    vectors = torch.cat([block.vectors for block in blocks])
    allowed = torch.from_numpy(near).to(vectors.device)
    distances, _ = k_nearest(patches.flatten(0, 1), vectors, k, allowed)
    return distances.unflatten(0, patches.shape[:2])
