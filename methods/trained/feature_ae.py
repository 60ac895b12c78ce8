"""A feature autoencoder on cached patch embeddings, with each continual strategy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...benchmark.interface.experience import TestBatch
from ...benchmark.interface.params import param
from .combining import combine
from .detector import TrainedDetector, TrainingParams

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .networks.error_network import ErrorNetwork


@dataclass(frozen=True)
class FeatureAEParams(TrainingParams):
    """DFR's batch size; the rest is for short CPU runs (docs/trained_details.md)."""

    epochs: int = param(40, "passes over the training images of an experience", low=1)
    lr: float = param(0.003, "learning rate of Adam", above=0)
    batch_size: int = param(4, "images per training step", low=2)
    patches_per_image: int = param(64, "random patches per image and step", low=1)
    code: float = param(
        0.33, "length of the code divided by that of the embedding", above=0, high=1
    )


class FeatureAE(TrainedDetector):
    """Feature autoencoder (DFR): the anomaly score of a patch is its reconstruction error.

    Source: Shi, Yang and Qi, "Unsupervised anomaly segmentation via deep feature reconstruction"
    (DFR, Neurocomputing 2021): three 1x1 convolutions each in encoder and decoder, batch
    norm, squared error.
    """

    Params = FeatureAEParams
    inputs = "patches"
    title = "Feature autoencoder (DFR)"

    def untrained(self) -> ErrorNetwork:
        from .networks.autoencoder import PatchAutoencoder

        dim = self.context.feature_dim
        with self.seeded_torch("network"):
            network = PatchAutoencoder(dim, max(1, round(self.params.code * dim)))
        return network.to(self.context.device)

    def optimizer(self, network: ErrorNetwork) -> torch.optim.Optimizer:
        import torch

        return torch.optim.Adam(network.parameters(), lr=self.params.lr, fused=True)

    def training_view(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Random patches of each image: the same rows of every tensor (B, P, D)."""
        import torch

        patches, count = tensors[0], self.params.patches_per_image
        if patches.shape[1] <= count:
            return list(tensors)
        rows = torch.randint(patches.shape[1], (len(patches), count, 1)).to(patches.device)
        return [each.take_along_dim(rows, 1) for each in tensors]

    def maps(self, network: Any, batch: TestBatch) -> Tensor:
        residuals = network.predictions(batch.patches)[0] - batch.patches
        errors: Tensor = residuals.square().mean(2)
        return errors.reshape(-1, *self.context.grid)


def __getattr__(name: str) -> Any:
    """The detector with a strategy, such as `FeatureAEEWC`."""
    return combine(FeatureAE, name)
