"""A backbone of two small layers with random weights, for methods that use images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..features.frozen_backbone import FrozenBackbone

_CHANNELS = (6, 8)
_STRIDES = (8, 16)


class _Layers(nn.Module):
    """Images (B, 3, H, W) to feature maps of stride 8 and 16."""

    def __init__(self) -> None:
        super().__init__()
        fine, coarse = _CHANNELS
        self.fine = nn.Sequential(nn.Conv2d(3, fine, 8, 8), nn.BatchNorm2d(fine), nn.SiLU())
        self.coarse = nn.Conv2d(fine, coarse, 3, stride=2, padding=1)

    def forward(self, images: Tensor) -> list[Tensor]:
        fine = self.fine(images)
        return [fine, self.coarse(fine)]


def mock_backbone(device: torch.device) -> FrozenBackbone:
    """Make a backbone whose weights are the same each time."""

    def seeded(seed: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return _Layers().to(device)

    teacher = seeded(0).eval().requires_grad_(False)
    return FrozenBackbone(_CHANNELS, _STRIDES, lambda images: images * 2 - 1, teacher, seeded)
