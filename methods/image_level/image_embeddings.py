"""The embedding of an image: the mean of its patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...benchmark.interface.experience import TrainExperience

if TYPE_CHECKING:
    from torch import Tensor


def image_embeddings(patches: Tensor) -> Tensor:
    """The mean patch of each image, (B, D) float32, of patches (B, P, D); summed in float64."""
    return patches.double().mean(1).float()


def train_embeddings(experience: TrainExperience, category: str) -> Tensor:
    """Embeddings (B, D) float32 of the training images of a category."""
    import torch

    return torch.cat([image_embeddings(patches) for _, patches in experience.batches(category)])
