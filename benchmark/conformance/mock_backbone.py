"""Small backbones with random weights, for methods that use images or prompts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..features.frozen_backbone import FrozenBackbone

_CHANNELS = (6, 8)
_STRIDES = (8, 16)
_WIDTH = 16


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
    return FrozenBackbone(
        _CHANNELS, _STRIDES, lambda images: images * 2 - 1, teacher, seeded, teacher
    )


def mock_transformer(device: torch.device) -> FrozenBackbone:
    """Make a vision transformer of two blocks whose weights are the same each time."""
    from timm.models.vision_transformer import VisionTransformer

    class Blocks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = VisionTransformer(
                img_size=64, patch_size=8, embed_dim=_WIDTH, depth=2, num_heads=2, num_classes=0,
                dynamic_img_size=True,
            )  # fmt: skip

        def forward(self, images: Tensor) -> list[Tensor]:
            maps: Any = self.model.forward_intermediates(images, [1], intermediates_only=True)
            found: list[Tensor] = maps
            return found

    def seeded(seed: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return Blocks().to(device)

    teacher = seeded(0).eval().requires_grad_(False)
    return FrozenBackbone((_WIDTH,), (8,), lambda images: images * 2 - 1, teacher, seeded, teacher)
