"""UniAD on cached patch embeddings, with each continual strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....benchmark.interface.experience import TestBatch
from ..combining import combine
from ..detector import TrainedDetector
from .parameters import UniADParams

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..networks.error_network import ErrorNetwork


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
