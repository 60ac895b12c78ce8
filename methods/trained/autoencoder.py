"""The network of `feature_ae`: every patch embedding through a bottleneck, by itself."""

from __future__ import annotations

import math

from torch import Tensor, nn


class PatchAutoencoder(nn.Module):
    """1x1 convolutions, which on a list of patches are linear layers.

    dim: D, the length of an embedding; code: the length of what it is squeezed to.
    """

    def __init__(self, dim: int, code: int) -> None:
        super().__init__()
        wide = (dim + 2 * code) // 2
        self.encoder = nn.Sequential(
            *_layer(dim, wide), *_layer(wide, 2 * code), nn.Linear(2 * code, code)
        )
        self.decoder = nn.Sequential(
            *_layer(code, 2 * code), *_layer(2 * code, wide), nn.Linear(wide, dim)
        )

    def residuals(self, patches: Tensor) -> Tensor:
        """patches (B, P, D) -> what the reconstruction adds to them, (B, P, D)."""
        flat = patches.flatten(0, 1)
        difference: Tensor = self.decoder(self.encoder(flat)) - flat
        return difference.reshape(patches.shape)

    def forward(self, patches: Tensor) -> Tensor:
        """patches (B, P, D) -> errors (B, P * D), whose squares sum to the mean squared error."""
        residuals = self.residuals(patches).flatten(1)
        return residuals / math.sqrt(residuals.shape[1])


def _layer(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()
