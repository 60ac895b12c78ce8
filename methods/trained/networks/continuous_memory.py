"""The network of `crad`: two grids of learned features, queried at continuous coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .error_network import ErrorNetwork

_LOCAL, _GLOBAL = 8, 4
"""Rows and columns of the two grids."""
_WIDTH, _BLOCKS = 64, 2
"""The small network; the source's has 2 C channels and 11 blocks."""
_SOURCE_BLOCKS = 11
_NOISE = 0.05
_SQUARED_SCALE = 0.05
_SQUARED_SHARE, _COSINE_SHARE = 0.3, 0.7


class ContinuousMemory(ErrorNetwork):
    """Restores a feature map from what two grids hold at coordinates computed from the map."""

    def __init__(self, dim: int, grid: tuple[int, int], *, wide: bool) -> None:
        """Create the grids and layers.

        Args:
            dim: C, the length of a patch embedding.
            grid: (h, w) of a feature map.
            wide: as in the source; otherwise narrow and shallow.
        """
        super().__init__()
        self.grid = grid
        places = grid[0] * grid[1]
        self.local_grid = nn.Parameter(_xavier(1, dim, _LOCAL, _LOCAL))
        self.global_grid = nn.Parameter(_xavier(1, dim * places, _GLOBAL, _GLOBAL))
        self.local_coordinates = nn.Sequential(
            nn.Conv2d(dim, dim, 1), nn.Tanh(), nn.Conv2d(dim, 2, 1), nn.Tanh()
        )
        self.global_coordinates = nn.Sequential(
            nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, 2), nn.Tanh()
        )
        width, blocks = (2 * dim, _SOURCE_BLOCKS) if wide else (_WIDTH, _BLOCKS)
        self.narrow = nn.Identity() if wide else nn.Conv2d(2 * dim, width, 1, bias=False)
        self.blocks = nn.Sequential(*[InvertedResidual(width, 2 * width) for _ in range(blocks)])
        self.restore = nn.Conv2d(width, dim, 1, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def predictions(self, inputs: Tensor) -> list[Tensor]:
        """Restored patches (B, P, C) of patches (B, P, C)."""
        features = inputs.mT.unflatten(2, self.grid)
        restored: Tensor = self.restore(self.blocks(self.narrow(self.queried(features))))
        return [restored.flatten(2).mT]

    def queried(self, features: Tensor) -> Tensor:
        """What the grids hold (B, 2 C, h, w) for feature maps (B, C, h, w)."""
        count, dim, height, width = features.shape
        whole = self.global_coordinates(features.mean((2, 3)))
        near = self.local_coordinates(features)
        if self.training and torch.rand(()) < 0.5:
            near = near + _NOISE * torch.randn_like(near)
        seen = functional.grid_sample(self.global_grid, whole[None, :, None], align_corners=False)
        from_global = seen[0, :, :, 0].T.reshape(count, dim, height, width)
        local = self.local_grid.expand(count, -1, -1, -1)
        from_local = functional.grid_sample(local, near.permute(0, 2, 3, 1), align_corners=False)
        return torch.cat([from_global, from_local], 1)

    def targets(self, inputs: Tensor) -> list[Tensor]:
        """The patches themselves."""
        return [inputs]

    def errors(self, predictions: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Errors (B, P * C), scaled so that their squares sum to the mean squared error."""
        residuals = gated_residuals(predictions[0], targets[0]).flatten(1)
        return residuals / math.sqrt(residuals.shape[1])

    def output_norms(self, inputs: Tensor) -> Tensor:
        # Without the gate, which depends on the target.
        return self.predictions(inputs)[0].square().flatten(1).mean(1)


def gated_residuals(restored: Tensor, patches: Tensor) -> Tensor:
    """Residuals (B, P, C) after each restored patch is mixed with the patch by their similarity."""
    residuals = restored - patches
    # The rounded term is a step: full similarity up to a mean squared error of half its scale.
    distant = (residuals.square().mean(2) * _SQUARED_SCALE).clamp(0, 1).round()
    cosine = functional.cosine_similarity(restored, patches, dim=2)
    similarity = _SQUARED_SHARE * (1 - distant) + _COSINE_SHARE * cosine
    return (1 - similarity)[:, :, None] * residuals


class InvertedResidual(nn.Module):
    """A block of MobileNetV3 with squeeze and excitation, and hard swish."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.expand = nn.Sequential(
            nn.Conv2d(width, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.Hardswish()
        )
        self.spatial = nn.Sequential(
            nn.Conv2d(inner, inner, 3, 1, 1, groups=inner, bias=False), nn.BatchNorm2d(inner)
        )
        self.excite = nn.Sequential(
            nn.Linear(inner, inner // 4, bias=False),
            nn.ReLU(),
            nn.Linear(inner // 4, inner, bias=False),
            nn.Hardsigmoid(),
        )
        self.project = nn.Sequential(
            nn.Hardswish(), nn.Conv2d(inner, width, 1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, values: Tensor) -> Tensor:
        spatial = self.spatial(self.expand(values))
        weights = self.excite(spatial.mean((2, 3)))[:, :, None, None]
        projected: Tensor = self.project(spatial * weights)
        return values + projected


def _xavier(*shape: int) -> Tensor:
    return nn.init.xavier_normal_(torch.empty(*shape))
