"""Cheap convolutions for networks that are trained on a CPU."""

from __future__ import annotations

from torch import nn


def separable_stage(inputs: int, outputs: int) -> nn.Module:
    """Depthwise separable convolutions that halve the resolution."""
    return nn.Sequential(
        with_batch_norm(nn.Conv2d(inputs, inputs, 3, 2, 1, groups=inputs, bias=False)),
        with_batch_norm(nn.Conv2d(inputs, outputs, 1, bias=False)),
        with_batch_norm(nn.Conv2d(outputs, outputs, 3, 1, 1, groups=outputs, bias=False)),
        with_batch_norm(nn.Conv2d(outputs, outputs, 1, bias=False)),
    )


def with_batch_norm(convolution: nn.Conv2d) -> nn.Module:
    """A convolution, batch norm and ReLU."""
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU())
