"""A feature autoencoder on cached patch embeddings, under each continual strategy."""

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
    """DFR's batch size; the rest suits minutes on a CPU (docs/trained.md)."""

    epochs: int = param(40, "passes over the training images of an experience", low=1)
    lr: float = param(0.003, "learning rate of Adam", above=0)
    batch_size: int = param(4, "images in a step", low=2)
    patches_per_image: int = param(64, "patches of each image in a step, drawn anew", low=1)
    code: float = param(0.33, "length of the code as a share of the embedding's", above=0, high=1)


class FeatureAE(TrainedDetector):
    """Patches that a bottleneck cannot reproduce are anomalous.

    Source: Shi, Yang and Qi, "Unsupervised anomaly segmentation via deep feature reconstruction"
    (DFR, Neurocomputing 2021): three 1x1 convolutions down and three up, batch norm, squared error.
    """

    Params = FeatureAEParams
    inputs = "patches"

    def untrained(self) -> nn.Module:
        from .autoencoder import PatchAutoencoder

        dim = self.context.feature_dim
        with self.drawing("network"):
            network = PatchAutoencoder(dim, max(1, round(self.params.code * dim)))
        return network.to(self.context.device)

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        import torch

        return torch.optim.Adam(network.parameters(), lr=self.params.lr, fused=True)

    def plugins(self) -> list[Any]:
        from .plugins import SampledPatches

        return [*super().plugins(), SampledPatches(self.params.patches_per_image)]

    def maps(self, network: Any, batch: TestBatch) -> Tensor:
        errors: Tensor = network.residuals(batch.patches).square().mean(2)
        return errors.reshape(-1, *self.context.grid)


class FeatureAENaive(FeatureAE):
    """Feature autoencoder (DFR), trained on with each experience and nothing against forgetting."""


@dataclass(frozen=True)
class FeatureAEReplayParams(strategies.ReplayParams, FeatureAEParams):
    """With the size of the buffer."""


class FeatureAEReplay(strategies.Replay, FeatureAE):
    """Feature autoencoder (DFR) with replay of kept images' patches."""

    Params = FeatureAEReplayParams


@dataclass(frozen=True)
class FeatureAEEWCParams(strategies.EWCParams, FeatureAEParams):
    """With the strength of the penalty."""


class FeatureAEEWC(strategies.EWC, FeatureAE):
    """Feature autoencoder (DFR) under elastic weight consolidation."""

    Params = FeatureAEEWCParams


@dataclass(frozen=True)
class FeatureAESIParams(strategies.SIParams, FeatureAEParams):
    """With the strength of the penalty."""


class FeatureAESI(strategies.SI, FeatureAE):
    """Feature autoencoder (DFR) under synaptic intelligence."""

    Params = FeatureAESIParams


@dataclass(frozen=True)
class FeatureAELwFParams(strategies.LwFParams, FeatureAEParams):
    """With the weight of the old network."""


class FeatureAELwF(strategies.LwF, FeatureAE):
    """Feature autoencoder (DFR) under learning without forgetting."""

    Params = FeatureAELwFParams


class FeatureAECumulative(strategies.Cumulative, FeatureAE):
    """Feature autoencoder (DFR), trained on with all images seen so far."""


class FeatureAEJoint(strategies.Joint, FeatureAE):
    """Upper bound: a fresh feature autoencoder (DFR) for all images seen so far, each time."""
