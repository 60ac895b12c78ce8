"""Which expert answers for an image, when the method is not told its category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from ...benchmark.interface.block import Block
from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch
from ...benchmark.interface.prediction import Prediction
from ..banks.memory_bank import prediction
from .expert_gate import Gate, route_by_gates

if TYPE_CHECKING:
    from torch import Tensor

Router: TypeAlias = Literal["nearest_mean", "nearest_max", "centroid", "expert_gate"]


def routed(
    context: MethodContext,
    batch: TestBatch,
    memories: Mapping[int, Sequence[Block]],
    owner: int | None,
    router: Router,
    gates: Mapping[int, Gate] | None = None,
) -> Prediction:
    """Score a batch with the expert that owns its category, or else with the one routing picks.

    memories: the blocks of each expert in use; owner: the expert to use for the whole batch;
    gates: an autoencoder an expert, where the router is `expert_gate`.

    nearest_mean: the lowest mean over patches of the distance to the expert's memory;
    nearest_max: the lowest image score (biased by the anomaly itself);
    centroid: the highest cosine between the image's mean patch and the memory's mean vector;
    expert_gate: the expert whose autoencoder reconstructs the image best.
    Ties go to the lowest expert.
    """
    import torch

    if owner is not None:
        distances = context.neighbors.min_distance(batch, memories[owner])
        route = torch.full((len(batch),), owner, dtype=torch.int16)
        return prediction(distances, context.grid, route)
    experts = sorted(memories)
    stacked = torch.stack([context.neighbors.min_distance(batch, memories[e]) for e in experts])
    if router == "expert_gate":
        best = route_by_gates(batch, gates or {})
    elif router == "nearest_mean":
        best = stacked.double().mean(2).argmin(0)
    elif router == "nearest_max":
        best = stacked.amax(2).argmin(0)
    else:
        best = _centroid_similarity(batch, [memories[e] for e in experts]).argmax(0)
    distances = stacked[best, torch.arange(len(batch), device=best.device)]
    route = torch.tensor(experts, dtype=torch.int16)[best.cpu()]
    return prediction(distances, context.grid, route)


def _centroid_similarity(batch: TestBatch, memories: Sequence[Sequence[Block]]) -> Tensor:
    """(experts, B) cosines between mean vectors."""
    import torch
    from torch.nn.functional import normalize

    images = normalize(batch.patches.double().mean(1), dim=1)
    means = torch.stack(
        [torch.cat([block.vectors for block in blocks]).double().mean(0) for blocks in memories]
    )
    return normalize(means, dim=1) @ images.T
