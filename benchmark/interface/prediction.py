"""What a method returns: predictions for a batch, and how much memory it uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Prediction:
    """A method's result for a batch of B test images.

    Attributes:
        image_scores: (B,), higher is more anomalous; any finite range.
        maps: (B, h, w) anomaly values, one per patch or finer, up to one per pixel of the image;
            the same h and w in all batches. None if the method makes no maps.
        route: (B,) integers, the expert that scored each image; None without experts.
    """

    image_scores: torch.Tensor
    maps: torch.Tensor | None = None
    route: torch.Tensor | None = None


@dataclass(frozen=True)
class ExpertMemory:
    """The memory of one expert.

    Attributes:
        expert: index of the expert.
        categories: the categories that it owns.
        scoring_vectors: vectors that it scores with.
        stored_vectors: all vectors that it stores: scoring plus buffer, shared ones once.
        scoring_bytes: bytes of what it scores with.
        stored_bytes: bytes of all it stores.
        utilization: buffered vectors divided by the budget, 0 to 1.
    """

    expert: int
    categories: tuple[str, ...]
    scoring_vectors: int
    stored_vectors: int
    scoring_bytes: int
    stored_bytes: int
    utilization: float


@dataclass(frozen=True)
class MemoryReport:
    """The memory of a method: what it scores with, and all it stores (shared vectors once).

    Attributes:
        scoring_vectors: vectors that scores are computed with.
        stored_vectors: scoring vectors plus buffers.
        scoring_bytes: bytes of what it scores with.
        stored_bytes: bytes of all it stores.
        experts: one entry per expert; empty for methods with a single model.
        parameters_trained: parameters of networks that are trained at a time.
        parameters_stored: parameters of all networks that are stored.
        network_bytes: the part of `stored_bytes` that networks take.
    """

    scoring_vectors: int
    stored_vectors: int
    scoring_bytes: int
    stored_bytes: int
    experts: tuple[ExpertMemory, ...] = ()
    parameters_trained: int = 0
    parameters_stored: int = 0
    network_bytes: int = 0
