"""Score a batch with several experts: with the owner of its category, or with routed experts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ...benchmark.interface.experience import TestBatch
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.prediction import Prediction
from ..patch_prediction import predict_from_distances
from .router import Candidates, Router

if TYPE_CHECKING:
    from torch import Tensor


def score_with_banks(
    batch: TestBatch, banks: Mapping[int, Sequence[Block]], owner: int | None, router: Router
) -> Prediction:
    """Score a batch with experts that are memory banks.

    Args:
        batch: B images.
        banks: the memory of each expert in use.
        owner: the expert that owns the category of the batch; None if unknown.
        router: chooses an expert per image if the owner is unknown.
    """
    min_distance = router.context.neighbors.min_distance
    return score_with_experts(
        batch,
        {expert: partial(min_distance, batch, blocks) for expert, blocks in banks.items()},
        owner,
        router,
        banks,
    )


def score_with_experts(
    batch: TestBatch,
    distances: Mapping[int, Callable[[], Tensor]],
    owner: int | None,
    router: Router,
    memories: Mapping[int, Sequence[Block]] | None = None,
) -> Prediction:
    """Score a batch with its owner, or with the expert that the router chooses for each image.

    Args:
        batch: B images.
        distances: per expert in use, a function that computes the distances (B, P) of the patches.
        owner: the expert that owns the category of the batch; None if unknown.
        router: chooses an expert per image if the owner is unknown.
        memories: the memory of each expert as blocks, for routers that use it.
    """
    import torch

    grid = router.context.grid
    if owner is not None:
        route = torch.full((len(batch),), owner, dtype=torch.int16)
        return predict_from_distances(distances[owner](), grid, route)
    experts = sorted(distances)
    stacked = torch.stack([distances[expert]() for expert in experts])
    blocks = [memories[expert] for expert in experts] if memories else []
    chosen = router.route(batch, Candidates(experts, stacked, blocks))
    own = stacked[chosen, torch.arange(len(batch), device=chosen.device)]
    route = torch.tensor(experts, dtype=torch.int16)[chosen.cpu()]
    return predict_from_distances(own, grid, route)
