"""The network of `feature_ae`: it reconstructs each patch embedding separately."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from .error_network import ErrorNetwork


class PatchAutoencoder(ErrorNetwork):
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

    def predictions(self, inputs: Tensor) -> list[Tensor]:
        """Reconstructions (B, P, D) of patches (B, P, D)."""
        reconstructed: Tensor = self.decoder(self.encoder(inputs.flatten(0, 1)))
        return [reconstructed.reshape(inputs.shape)]

    def targets(self, inputs: Tensor) -> list[Tensor]:
        """The patches themselves."""
        return [inputs]

    def errors(self, predictions: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Errors (B, P * D), scaled so that their squares sum to the mean squared error."""
        residuals = (predictions[0] - targets[0]).flatten(1)
        return residuals / math.sqrt(residuals.shape[1])


def _layer(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()
