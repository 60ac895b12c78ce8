"""The network of `rd4ad`: a bottleneck and a decoder that restore a teacher's features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ....results.errors import UsageError
from .error_network import ErrorNetwork
from .separable import separable_stage, with_batch_norm
from .teacher import Teacher

_SMALL_WIDTH = 64
_BLOCKS = (3, 4, 6)
"""Residual blocks per stage of the source's decoder, coarsest stage first."""


class ReverseDistillation(ErrorNetwork):
    """A bottleneck and a decoder, trained; the teacher is frozen and not part of the state."""

    def __init__(self, teacher: Teacher, *, wide: bool) -> None:
        """Create the layers.

        Args:
            teacher: gives the feature maps to restore, not normalized.
            wide: as in the source; otherwise small, for a CPU.
        """
        super().__init__()
        channels, strides = teacher.backbone.channels, teacher.backbone.strides
        for finer, coarser in pairwise(strides):
            if coarser != 2 * finer:
                raise UsageError(
                    "rd4ad needs layers with twice the stride of the layer before; this backbone "
                    f"has strides {', '.join(map(str, strides))}"
                )
        self.teacher = teacher
        self.bottleneck = Bottleneck(channels, wide=wide)
        self.stages = nn.ModuleList()
        width = self.bottleneck.outputs
        for number, outputs in enumerate(reversed(channels)):
            blocks = _BLOCKS[min(number, len(_BLOCKS) - 1)]
            stage = _wide_stage(width, outputs, blocks) if wide else _small_stage(width, outputs)
            self.stages.append(stage)
            width = outputs

    def restored(self, layers: Sequence[Tensor]) -> list[Tensor]:
        """Decoded maps (B, C_i, h_i, w_i) for the teacher's maps, of the same sizes."""
        values = self.bottleneck(layers)
        decoded = []
        for stage, target in zip(self.stages, reversed(layers), strict=True):
            values = _fitted(stage(values), target.shape[2:])
            decoded.append(values)
        return decoded[::-1]

    def predictions(self, inputs: Tensor) -> list[Tensor]:
        """Decoded maps as vectors (B, C_i * h_i * w_i) of length 1."""
        return _unit_vectors(self.restored(self.teacher.targets(inputs)))

    def targets(self, inputs: Tensor) -> list[Tensor]:
        """The teacher's maps as vectors of length 1."""
        return _unit_vectors(self.teacher.targets(inputs))

    def errors(self, predictions: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Errors (B, K); their squares sum to the sum over layers of 1 minus the cosine."""
        pairs = zip(predictions, targets, strict=True)
        return torch.cat([(mine - theirs) / math.sqrt(2) for mine, theirs in pairs], 1)

    def output_norms(self, inputs: Tensor) -> Tensor:
        # Predictions have length 1 whatever the weights are.
        restored = self.restored(self.teacher.targets(inputs))
        return torch.stack([layer.square().flatten(1).mean(1) for layer in restored]).sum(0)


class Bottleneck(nn.Module):
    """Brings all layers to the stride of the coarsest one, and halves the resolution once more."""

    def __init__(self, channels: Sequence[int], *, wide: bool) -> None:
        """Create the layers.

        Args:
            channels: channels of each layer, finest first.
            wide: as in the source; otherwise narrow and separable.
        """
        super().__init__()
        coarsest = channels[-1]
        width = coarsest if wide else min(coarsest, _SMALL_WIDTH)
        self.outputs = 2 * width
        self.reductions = nn.ModuleList()
        for index, inputs in enumerate(channels):
            steps: list[nn.Module] = []
            for _ in range(len(channels) - 1 - index):
                steps.append(
                    with_batch_norm(nn.Conv2d(inputs, width, 3, 2, 1, bias=False))
                    if wide
                    else separable_stage(inputs, width)
                )
                inputs = width
            self.reductions.append(nn.Sequential(*steps))
        joined = width * (len(channels) - 1) + coarsest
        if wide:
            blocks = [_ResidualBlock(joined, self.outputs, 2)]
            blocks += [_ResidualBlock(self.outputs, self.outputs) for _ in range(2)]
            self.stage: nn.Module = nn.Sequential(*blocks)
        else:
            self.stage = separable_stage(joined, self.outputs)

    def forward(self, layers: Sequence[Tensor]) -> Tensor:
        """A code (B, `outputs`, h, w) of maps (B, C_i, h_i, w_i)."""
        size = layers[-1].shape[2:]
        reduced = [
            _fitted(reduction(layer), size)
            for reduction, layer in zip(self.reductions, layers, strict=True)
        ]
        code: Tensor = self.stage(torch.cat(reduced, 1))
        return code


class _ResidualBlock(nn.Module):
    """A bottleneck block of a wide ResNet; `up` makes it a transposed one of stride 2."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, *, up: bool = False) -> None:
        super().__init__()
        width = max(1, outputs // 2)

        def spatial(inner: int, outer: int) -> nn.Module:
            if up:
                return nn.ConvTranspose2d(inner, outer, 2, 2, bias=False)
            return nn.Conv2d(inner, outer, 3, stride, 1, bias=False)

        self.block = nn.Sequential(
            *(nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            *(spatial(width, width), nn.BatchNorm2d(width), nn.ReLU()),
            *(nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)),
        )
        self.shortcut: nn.Module = nn.Identity()
        if up:
            change: nn.Module = nn.ConvTranspose2d(inputs, outputs, 2, 2, bias=False)
            self.shortcut = nn.Sequential(change, nn.BatchNorm2d(outputs))
        elif stride > 1 or inputs != outputs:
            change = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(change, nn.BatchNorm2d(outputs))

    def forward(self, values: Tensor) -> Tensor:
        return functional.relu(self.block(values) + self.shortcut(values))


def _wide_stage(inputs: int, outputs: int, blocks: int) -> nn.Module:
    rest = [_ResidualBlock(outputs, outputs) for _ in range(blocks - 1)]
    return nn.Sequential(_ResidualBlock(inputs, outputs, up=True), *rest)


def _small_stage(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        with_batch_norm(nn.Conv2d(inputs, inputs, 3, 1, 1, groups=inputs, bias=False)),
        with_batch_norm(nn.Conv2d(inputs, inputs, 1, bias=False)),
        nn.Conv2d(inputs, outputs, 1),
    )


def _fitted(values: Tensor, size: Sequence[int]) -> Tensor:
    """Resize maps whose stride does not divide the image."""
    if values.shape[2:] == tuple(size):
        return values
    return functional.interpolate(values, tuple(size), mode="bilinear", align_corners=False)


def _unit_vectors(layers: Sequence[Tensor]) -> list[Tensor]:
    return [functional.normalize(layer.flatten(1), dim=1) for layer in layers]


def cosine_maps(
    restored: Sequence[Tensor], teacher: Sequence[Tensor], grid: tuple[int, int]
) -> Tensor:
    """The sum over layers of 1 minus the cosine along the channels.

    Args:
        restored: decoded maps (B, C_i, h_i, w_i).
        teacher: the teacher's maps.
        grid: (h, w) of the result.

    Returns:
        (B, h, w) anomaly maps.
    """
    total = torch.zeros(len(teacher[0]), *grid, device=teacher[0].device)
    for mine, theirs in zip(restored, teacher, strict=True):
        distance = 1 - functional.cosine_similarity(mine, theirs, dim=1)
        total += functional.interpolate(
            distance[:, None], grid, mode="bilinear", align_corners=True
        )[:, 0]
    return total
