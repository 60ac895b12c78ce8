"""A variational autoencoder on images, with each continual strategy and generative replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...benchmark.interface.experience import TestBatch
from ...benchmark.interface.params import param
from ...results.errors import UsageError
from .combining import combine
from .detector import TrainedDetector, TrainingParams

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .networks.error_network import ErrorNetwork


@dataclass(frozen=True)
class VAEParams(TrainingParams):
    """Values for short CPU runs (docs/trained_details.md)."""

    epochs: int = param(20, "passes over the training images of an experience", low=1)
    lr: float = param(0.001, "learning rate of Adam", above=0)
    batch_size: int = param(16, "images per training step", low=2)
    side: int = param(64, "height and width to which images are resized, a multiple of 16", low=16)
    code: int = param(128, "length of a code", low=1)
    beta: float = param(1.0, "weight of the divergence, relative to the squared error", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side % 16:
            raise UsageError(f"parameter side: {self.side} is not a multiple of 16")


class VAE(TrainedDetector):
    """Variational autoencoder: the anomaly map is the squared error of a small reconstruction.

    Source: Wiewel and Yang, "Continual Learning for Anomaly Detection with Variational Autoencoder"
    (ICASSP 2019), whose network has linear layers for images of 28 pixels. This one is
    convolutional, with a Gaussian in place of a Bernoulli likelihood. As in the source, the image
    score is the mean error of its pixels.
    """

    Params = VAEParams
    inputs = "images"
    uses_images = True
    title = "Variational autoencoder"
    generates = True

    def untrained(self) -> ErrorNetwork:
        from .networks.variational import VariationalAutoencoder

        params = self.params
        with self.seeded_torch("network"):
            network = VariationalAutoencoder(params.side, params.code, params.beta)
        return network.to(self.context.device)

    def optimizer(self, network: ErrorNetwork) -> torch.optim.Optimizer:
        import torch

        return torch.optim.Adam(network.parameters(), lr=self.params.lr)

    def training_view(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Images at the size of the network; codes as they are."""
        from .networks.variational import resized

        return [resized(each, self.params.side) if each.ndim == 4 else each for each in tensors]

    def maps(self, network: Any, batch: TestBatch) -> Tensor:
        import torch

        from .networks.variational import resized

        images = resized(batch.images().float() / 255, self.params.side)
        errors = (network.predictions(images)[0] - images).square().mean(1, keepdim=True)
        maps: Tensor = torch.nn.functional.interpolate(errors, self.context.grid, mode="area")
        return maps[:, 0]

    def image_scores(self, maps: Tensor) -> Tensor:
        """The mean of each map."""
        return maps.flatten(1).mean(1)


def __getattr__(name: str) -> Any:
    """The detector with a strategy, such as `VAEGenerative`."""
    return combine(VAE, name)
