"""The network of `stfpm`: a student that imitates a frozen teacher."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ....benchmark.features.timm_models import layer_maps
from .error_network import ErrorNetwork
from .separable import separable_stage, with_batch_norm
from .teacher import Teacher, normalize_layers

_STEM_STRIDE = 4
_WIDTH = 32


class StudentTeacher(ErrorNetwork):
    """A trainable student and a frozen teacher, which is not part of the state."""

    def __init__(self, student: nn.Module, teacher: Teacher) -> None:
        super().__init__()
        self.student = student
        self.teacher = teacher

    def predictions(self, inputs: Tensor) -> list[Tensor]:
        """Features (B, C_i, h_i, w_i) of the student for images, normalized along C_i."""
        return normalize_layers(self.student_maps(inputs))

    def student_maps(self, inputs: Tensor) -> list[Tensor]:
        """The same features, not normalized."""
        layers = layer_maps(self.student, self.teacher.backbone.normalized(inputs))
        sizes = self.teacher.sizes(inputs)
        return [
            layer if layer.shape[2:] == size else _resize(layer, size)
            for layer, size in zip(layers, sizes, strict=True)
        ]

    def targets(self, inputs: Tensor) -> list[Tensor]:
        """The same features of the teacher."""
        return self.teacher.targets(inputs)

    def errors(self, predictions: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Errors (B, K); their squares sum to the loss of the source.

        The loss is the sum over layers of the mean over positions of half the squared distance.
        """
        errors = []
        for student, teacher in zip(predictions, targets, strict=True):
            places = teacher.shape[2] * teacher.shape[3]
            errors.append((student - teacher).flatten(1) / math.sqrt(2 * places))
        return torch.cat(errors, 1)

    def output_norms(self, inputs: Tensor) -> Tensor:
        # Predictions have length 1 whatever the weights are.
        layers = self.student_maps(inputs)
        return torch.stack([layer.square().sum(1).flatten(1).mean(1) for layer in layers]).sum(0)


class SmallStudent(nn.Module):
    """A narrow network with the strides and output channels of the teacher, 40 times cheaper."""

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        """Create the layers.

        Args:
            channels: output channels of each matched layer, finest layer first.
            strides: stride of each of these layers.
        """
        super().__init__()
        self.stem = with_batch_norm(nn.Conv2d(3, _WIDTH, _STEM_STRIDE, _STEM_STRIDE, bias=False))
        self.stages = nn.ModuleList()
        self.heads = nn.ModuleDict()
        stride, width = _STEM_STRIDE, _WIDTH
        for target, outputs in zip(strides, channels, strict=True):
            while stride < target:
                self.stages.append(separable_stage(width, 2 * width))
                stride, width = 2 * stride, 2 * width
            self.heads[str(len(self.stages))] = nn.Conv2d(width, outputs, 1)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Features (B, C_i, h_i, w_i) of each layer, of normalized images (B, 3, H, W)."""
        layers = []
        values = self.stem(images)
        for number, stage in enumerate(self.stages, 1):
            values = stage(values)
            if str(number) in self.heads:
                layers.append(self.heads[str(number)](values))
        return layers


def anomaly_maps(
    student: Sequence[Tensor], teacher: Sequence[Tensor], grid: tuple[int, int]
) -> Tensor:
    """The geometric mean over layers of half the squared distance of the features.

    The source takes the product. The geometric mean gives the same order and fits into float16.

    Args:
        student: (B, C_i, h_i, w_i) per layer, normalized.
        teacher: the same of the teacher.
        grid: (h, w) of the maps.

    Returns:
        (B, h, w) anomaly maps.
    """
    layers = []
    for learned, target in zip(student, teacher, strict=True):
        distance = (learned - target).square().sum(1, keepdim=True) / 2
        layers.append(_resize(distance, grid)[:, 0])
    return torch.stack(layers).prod(0).pow(1 / len(layers))


def _resize(layer: Tensor, size: Sequence[int]) -> Tensor:
    return functional.interpolate(layer, tuple(size), mode="bilinear", align_corners=False)
