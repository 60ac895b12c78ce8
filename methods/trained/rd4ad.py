"""Reverse distillation on images, with each continual strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ...benchmark.interface.experience import TestBatch
from ...benchmark.interface.params import param
from .combining import combine
from .detector import TrainingParams
from .teacher_detector import TeacherDetector

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .networks.error_network import ErrorNetwork

Decoder: TypeAlias = Literal["small", "wide"]


@dataclass(frozen=True)
class RD4ADParams(TrainingParams):
    """The source's optimizer; the rest is for short CPU runs (docs/trained_details.md)."""

    epochs: int = param(10, "passes over the training images of an experience", low=1)
    lr: float = param(0.005, "learning rate of Adam with betas 0.5 and 0.999", above=0)
    batch_size: int = param(16, "images per training step", low=2)
    decoder: Decoder = param("small", "a small decoder, or the source's wide one (slow on a CPU)")


class RD4AD(TeacherDetector):
    """Reverse distillation: a decoder restores the backbone's features from a narrow code.

    Source: Deng and Li, "Anomaly Detection via Reverse Distillation from One-Class Embedding" (CVPR
    2022). The loss is one minus the cosine of whole feature maps, summed over the layers; a map is
    one minus the cosine at each position. The layers are those of the patch embeddings.
    """

    Params = RD4ADParams
    title = "Reverse distillation (RD4AD)"

    def untrained(self) -> ErrorNetwork:
        from .networks.reverse_distillation import ReverseDistillation

        with self.seeded_torch("network"):
            network = ReverseDistillation(self.teacher, wide=self.params.decoder == "wide")
        return network.to(self.context.device)

    def optimizer(self, network: ErrorNetwork) -> torch.optim.Optimizer:
        import torch

        return torch.optim.Adam(network.parameters(), lr=self.params.lr, betas=(0.5, 0.999))

    def maps(self, network: Any, batch: TestBatch) -> Tensor:
        from .networks.reverse_distillation import cosine_maps

        layers = network.teacher.maps(batch.images())
        return cosine_maps(network.restored(layers), layers, self.context.grid)


def __getattr__(name: str) -> Any:
    """The detector with a strategy, such as `RD4ADReplay`."""
    return combine(RD4AD, name)
