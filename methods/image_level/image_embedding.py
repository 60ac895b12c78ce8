"""One embedding for a whole image: the mean of its patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...benchmark.interface.experience import TrainExperience

if TYPE_CHECKING:
    from torch import Tensor


def mean_patches(patches: Tensor) -> Tensor:
    """(B, D) float32: the mean patch of each image, summed in float64."""
    return patches.double().mean(1).float()


def train_embeddings(experience: TrainExperience, category: str) -> Tensor:
    """(B, D) float32: the embeddings of a category's training images."""
    import torch

    return torch.cat([mean_patches(patches) for _, patches in experience.batches(category)])
