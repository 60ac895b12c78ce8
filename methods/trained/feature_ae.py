"""A feature autoencoder on cached patch embeddings, with each continual strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...benchmark.interface.experience import TestBatch
from ...benchmark.interface.params import param
from . import strategies
from .detector import TrainedDetector, TrainingParams

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class FeatureAEParams(TrainingParams):
    """DFR's batch size; the other values keep training to minutes on a CPU (docs/trained.md)."""

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

    def untrained(self) -> nn.Module:
        from .autoencoder import PatchAutoencoder

        dim = self.context.feature_dim
        with self.seeded_torch("network"):
            network = PatchAutoencoder(dim, max(1, round(self.params.code * dim)))
        return network.to(self.context.device)

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        import torch

        return torch.optim.Adam(network.parameters(), lr=self.params.lr, fused=True)

    def plugins(self) -> list[Any]:
        from .avalanche_plugins import SampledPatches

        return [*super().plugins(), SampledPatches(self.params.patches_per_image)]

    def maps(self, network: Any, batch: TestBatch) -> Tensor:
        errors: Tensor = network.residuals(batch.patches).square().mean(2)
        return errors.reshape(-1, *self.context.grid)


class FeatureAENaive(FeatureAE):
    """Feature autoencoder (DFR), trained on each experience without a continual strategy."""


@dataclass(frozen=True)
class FeatureAEReplayParams(strategies.ReplayParams, FeatureAEParams):
    """Adds the size of the buffer."""


class FeatureAEReplay(strategies.Replay, FeatureAE):
    """Feature autoencoder (DFR) with replay of stored patches."""

    Params = FeatureAEReplayParams


@dataclass(frozen=True)
class FeatureAEEWCParams(strategies.EWCParams, FeatureAEParams):
    """Adds the strength of the penalty."""


class FeatureAEEWC(strategies.EWC, FeatureAE):
    """Feature autoencoder (DFR) with elastic weight consolidation."""

    Params = FeatureAEEWCParams


@dataclass(frozen=True)
class FeatureAESIParams(strategies.SIParams, FeatureAEParams):
    """Adds the strength of the penalty."""


class FeatureAESI(strategies.SI, FeatureAE):
    """Feature autoencoder (DFR) with synaptic intelligence."""

    Params = FeatureAESIParams


@dataclass(frozen=True)
class FeatureAELwFParams(strategies.LwFParams, FeatureAEParams):
    """Adds the weight of the distillation."""


class FeatureAELwF(strategies.LwF, FeatureAE):
    """Feature autoencoder (DFR) with learning without forgetting."""

    Params = FeatureAELwFParams


class FeatureAECumulative(strategies.Cumulative, FeatureAE):
    """Feature autoencoder (DFR), trained further on all images seen so far."""


class FeatureAEJoint(strategies.Joint, FeatureAE):
    """Reference: a new feature autoencoder (DFR) per experience, on all images seen so far."""
