"""How often the nearest stored vector of a test patch belongs to another category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ....results.records.schema import WRONG_NEIGHBORS
from ...interface.experience import TestBatch
from ...interface.memory_block import Block
from .batches import shuffled_batches
from .lending import Loan
from .progress import ColumnScores
from .trial import Trial


def count_wrong_neighbors(trial: Trial, final: Mapping[str, ColumnScores]) -> list[dict[str, Any]]:
    """Compare the nearest vector of every test patch with the nearest of its own category.

    The method says only what it stores: it gets no batch, no result, and nothing about test images.

    Args:
        trial: the method, after the last experience.
        final: scores by column after the last experience; their routes say which expert scored.

    Returns:
        One event per column; none if the method does not say which category its vectors are of.
    """
    cell, stream, features, loan = trial.cell, trial.stream, trial.features, trial.loan
    memory = trial.method.scoring_blocks()
    if not memory or (stream.blend and cell.routing == "inferred"):  # such names are no categories
        return []
    if any(block.category is None for blocks in memory.values() for block in blocks):
        return []
    counts = dict.fromkeys(final, 0)
    images = [
        (column, row) for column, scores in final.items() for row in range(len(scores.routes))
    ]
    # Batches of one category, so that the distance to its own vectors is searched for no other.
    for chosen, batch in shuffled_batches(features, images, "oracle", uses_images=False):
        category = stream.category_of[chosen[0][0]]
        routes = np.array([final[column].routes[row] for column, row in chosen])
        wrong = np.zeros(len(chosen), np.int64)
        for route in np.unique(routes).tolist():
            if route not in memory:
                return []
            of_route = routes == route
            wrong[of_route] = _wrong(batch, memory[route], category, loan)[of_route]
        for (column, _), count in zip(chosen, wrong.tolist(), strict=True):
            counts[column] += count
    loan.blocks.verify()
    patches = features.shape[0]
    return [
        {
            "kind": WRONG_NEIGHBORS,
            "category": column,
            "rate": counts[column] / (patches * len(final[column].routes)),
            "images": len(final[column].routes),
        }
        for column in final
    ]


def _wrong(batch: TestBatch, blocks: Sequence[Block], category: str, loan: Loan) -> np.ndarray:
    """Count per image (B,) the patches that are nearer to another category than to their own.

    A patch with equal distances is not counted: which of two equal vectors a search finds depends
    on what was searched before.
    """
    own = [block for block in blocks if block.category == category]
    if len(own) == len(blocks):
        return np.zeros(len(batch), np.int64)
    if not own:
        return np.full(len(batch), batch.patches.shape[1])
    nearer = loan.min_distance(batch, blocks) < loan.min_distance(batch, own)
    wrong: np.ndarray = nearer.sum(1).cpu().numpy()
    return wrong
