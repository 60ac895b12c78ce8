"""UniAD on cached patch embeddings, with each continual strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ....benchmark.interface.experience import TestBatch
from ....benchmark.interface.params import param
from ....results.errors import UsageError
from ..combining import combine
from ..detector import TrainedDetector, TrainingParams

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..networks.error_network import ErrorNetwork


@dataclass(frozen=True)
class UniADParams(TrainingParams):
    """A small network for a CPU; the source's values are in docs/trained.md."""

    epochs: int = param(10, "passes over the training images of an experience", low=1)
    lr: float = param(
        0.005, "learning rate of AdamW, divided by 10 for the last fifth of the epochs", above=0
    )
    batch_size: int = param(2, "images per training step", low=2)
    width: int = param(64, "length of a token in the transformer", low=2)
    layers: int = param(1, "layers in the encoder, and layers in the decoder", low=1)
    heads: int = param(2, "heads of an attention layer", low=1)
    feedforward: int = param(128, "width of the feed-forward layers", low=1)
    dropout: float = param(0.0, "share of the values that training sets to 0", low=0, high=0.9)
    jitter: float = param(20.0, "noise on the tokens in training; 0 turns it off", low=0)
    neighbor_mask: int = param(
        0, "odd side of the square of tokens that a token does not see; 0 turns it off", low=0
    )
    pooling: int = param(2, "a token is the mean of pooling x pooling patches", low=1)
    window: int = param(2, "the image score is the highest mean of window x window patches", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % 2 or self.width % self.heads:
            raise UsageError(f"width={self.width}: expected an even multiple of heads={self.heads}")
        if self.neighbor_mask and not self.neighbor_mask % 2:
            raise UsageError(f"neighbor_mask={self.neighbor_mask}: expected 0 or an odd number")


class UniAD(TrainedDetector):
    """UniAD: a transformer with learned queries reconstructs the tokens of an image.

    Source: You et al., "A Unified Model for Multi-class Anomaly Detection" (NeurIPS 2022). Noise on
    the input keeps the network from copying it. A map is the Euclidean distance of each token to
    its reconstruction; the image score is the highest mean of the map in a small window.
    """

    Params = UniADParams
    inputs = "patches"
    title = "UniAD"

    def untrained(self) -> ErrorNetwork:
        from .uniad_network import UniADNetwork

        with self.seeded_torch("network"):
            network = UniADNetwork(self.context.feature_dim, self.context.grid, self.params)
        return network.to(self.context.device)

    def optimizer(self, network: ErrorNetwork) -> torch.optim.Optimizer:
        import torch

        return torch.optim.AdamW(network.parameters(), lr=self.params.lr, weight_decay=1e-4)

    def plugins(self) -> list[Any]:
        from ..plugins.schedule import ClippedGradients, LowerRate

        return [*super().plugins(), ClippedGradients(0.1), LowerRate(0.8)]

    def maps(self, network: Any, batch: TestBatch) -> Tensor:
        from torch.nn import functional

        patches = batch.patches
        residuals = network.predictions(patches)[0] - network.targets(patches)[0]
        distances = residuals.norm(dim=2).unflatten(1, network.token_grid)
        return functional.interpolate(
            distances[:, None], self.context.grid, mode="bilinear", align_corners=False
        )[:, 0]

    def image_scores(self, maps: Tensor) -> Tensor:
        from torch.nn import functional

        sides = [min(self.params.window, side) for side in maps.shape[1:]]
        return functional.avg_pool2d(maps[:, None], sides, stride=1).flatten(1).amax(1)


def __getattr__(name: str) -> Any:
    """The detector with a strategy, such as `UniADReplay`."""
    return combine(UniAD, name)
