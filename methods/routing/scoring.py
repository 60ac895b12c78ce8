"""Score a batch with several experts: with the owner of its category, or with routed experts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ...benchmark.interface.experience import TestBatch
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.prediction import Prediction
from ..bank_scoring import BankScorer, ScoringParams
from ..patch_prediction import predict_from_distances
from .router import Candidates, Router

if TYPE_CHECKING:
    from torch import Tensor


def score_with_banks(
    batch: TestBatch,
    banks: Mapping[int, Sequence[Block]],
    owner: int | None,
    router: Router,
    params: ScoringParams,
) -> Prediction:
    """Score a batch with experts that are memory banks.

    Args:
        batch: B images.
        banks: the memory of each expert in use.
        owner: the expert that owns the category of the batch; None if unknown.
        router: chooses an expert per image if the owner is unknown.
        params: how distances give scores. Routers get the distances themselves.
    """
    scorer = BankScorer(params, router.context)
    distances = {
        expert: partial(scorer.distances, batch, blocks) for expert, blocks in banks.items()
    }
    own, route = choose_experts(batch, distances, owner, router, banks)
    experts = [
        (banks[expert], (route == expert).nonzero()[:, 0].to(own.device))
        for expert in route.unique().tolist()
    ]
    return scorer.predict(batch, own, experts, route)


def score_with_experts(
    batch: TestBatch,
    distances: Mapping[int, Callable[[], Tensor]],
    owner: int | None,
    router: Router,
) -> Prediction:
    """Score a batch by its distances to the expert that `choose_experts` chooses per image."""
    own, route = choose_experts(batch, distances, owner, router)
    return predict_from_distances(own, router.context.grid, route)


def choose_experts(
    batch: TestBatch,
    distances: Mapping[int, Callable[[], Tensor]],
    owner: int | None,
    router: Router,
    memories: Mapping[int, Sequence[Block]] | None = None,
) -> tuple[Tensor, Tensor]:
    """Choose the owner of a batch, or the expert that the router chooses for each image.

    Args:
        batch: B images.
        distances: per expert in use, a function that computes the distances (B, P) of the patches.
        owner: the expert that owns the category of the batch; None if unknown.
        router: chooses an expert per image if the owner is unknown.
        memories: the memory of each expert as blocks, for routers that use it.

    Returns:
        Distances (B, P) to the chosen experts, and these experts (B,) int16 on the CPU.
    """
    import torch

    if owner is not None:
        return distances[owner](), torch.full((len(batch),), owner, dtype=torch.int16)
    experts = sorted(distances)
    stacked = torch.stack([distances[expert]() for expert in experts])
    blocks = [memories[expert] for expert in experts] if memories else []
    chosen = router.route(batch, Candidates(experts, stacked, blocks))
    own = stacked[chosen, torch.arange(len(batch), device=chosen.device)]
    return own, torch.tensor(experts, dtype=torch.int16)[chosen.cpu()]
