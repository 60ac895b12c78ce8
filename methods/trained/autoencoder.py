"""The network of `feature_ae`: it reconstructs each patch embedding separately."""

from __future__ import annotations

import math

from torch import Tensor, nn


class PatchAutoencoder(nn.Module):
    """An autoencoder of 1x1 convolutions, which are linear layers on a list of patches."""

    def __init__(self, dim: int, code: int) -> None:
        """Create the layers.

        Args:
            dim: D, the length of an embedding.
            code: the length of the bottleneck.
        """
        super().__init__()
        wide = (dim + 2 * code) // 2
        self.encoder = nn.Sequential(
            *_layer(dim, wide), *_layer(wide, 2 * code), nn.Linear(2 * code, code)
        )
        self.decoder = nn.Sequential(
            *_layer(code, 2 * code), *_layer(2 * code, wide), nn.Linear(wide, dim)
        )

    def residuals(self, patches: Tensor) -> Tensor:
        """Reconstruction minus input, (B, P, D), of patches (B, P, D)."""
        flat = patches.flatten(0, 1)
        difference: Tensor = self.decoder(self.encoder(flat)) - flat
        return difference.reshape(patches.shape)

    def forward(self, patches: Tensor) -> Tensor:
        """Errors (B, P * D) of patches (B, P, D); their squares sum to the mean squared error."""
        residuals = self.residuals(patches).flatten(1)
        return residuals / math.sqrt(residuals.shape[1])


def _layer(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()
