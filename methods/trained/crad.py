"""CRAD, a continuous memory of cached patch embeddings, with each continual strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ...benchmark.interface.experience import TestBatch
from ...benchmark.interface.params import param
from .combining import combine
from .detector import TrainedDetector, TrainingParams

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .networks.error_network import ErrorNetwork

NetworkSize: TypeAlias = Literal["small", "wide"]


@dataclass(frozen=True)
class CRADParams(TrainingParams):
    """The source's rates; epochs, batch size and network are for short CPU runs."""

    epochs: int = param(10, "passes over the training images of an experience", low=1)
    lr: float = param(0.001, "learning rate of AdamW", above=0)
    batch_size: int = param(4, "images per training step", low=2)
    grid_lr: float = param(0.1, "learning rate of the grids", above=0)
    network: NetworkSize = param(
        "small", "a small one, or the wide one of the source (slow on a CPU)"
    )


class CRAD(TrainedDetector):
    """CRAD: restores features from two learned grids, queried at coordinates of the features.

    Source: Lee, Kim et al., "Continuous Memory Representation for Anomaly Detection" (ECCV 2024),
    by its code. A local grid is queried at one coordinate per patch, a global grid at one per
    image. A restored patch is mixed with the patch by their similarity, and the map is the distance
    of the mixture. Nothing in the source is continual: it trains on all categories together.
    """

    Params = CRADParams
    inputs = "patches"
    title = "CRAD"

    def untrained(self) -> ErrorNetwork:
        from .networks.continuous_memory import ContinuousMemory

        context = self.context
        with self.seeded_torch("network"):
            network = ContinuousMemory(
                context.feature_dim, context.grid, wide=self.params.network == "wide"
            )
        return network.to(context.device)

    def optimizer(self, network: Any) -> torch.optim.Optimizer:
        import torch

        grids = [network.local_grid, network.global_grid]
        rest = [value for name, value in network.named_parameters() if not name.endswith("_grid")]
        groups = [{"params": rest}, {"params": grids, "lr": self.params.grid_lr}]
        return torch.optim.AdamW(groups, lr=self.params.lr)

    def plugins(self) -> list[Any]:
        from .plugins.schedule import ClippedGradients, LowerRate

        return [*super().plugins(), ClippedGradients(0.1), LowerRate(0.8)]

    def maps(self, network: Any, batch: TestBatch) -> Tensor:
        from .networks.continuous_memory import gated_residuals

        restored = network.predictions(batch.patches)[0]
        distances: Tensor = gated_residuals(restored, batch.patches).norm(dim=2)
        return distances.reshape(-1, *self.context.grid)

    def image_scores(self, maps: Tensor) -> Tensor:
        """The highest mean of a window of a seventh of the map (32 of 224 pixels in the source)."""
        import torch

        window = [max(1, round(side / 7)) for side in maps.shape[1:]]
        means = torch.nn.functional.avg_pool2d(maps[:, None], window, stride=1)
        return means.flatten(1).amax(1)


def __getattr__(name: str) -> Any:
    """The detector with a strategy, such as `CRADReplay`."""
    return combine(CRAD, name)
