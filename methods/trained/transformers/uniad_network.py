"""The networks that reconstruct tokens from noisy tokens, and that of `uniad`."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..networks.error_network import ErrorNetwork
from .layers import DecoderLayer, EncoderLayer, initialize, neighbor_mask

if TYPE_CHECKING:
    from .parameters import UniADParams


class TokenReconstruction(ErrorNetwork):
    """Reconstructs tokens, means of neighboring patches, from tokens with noise in training."""

    hidden: Tensor | None

    def __init__(self, dim: int, grid: tuple[int, int], params: UniADParams) -> None:
        """Create the layers that all such networks have.

        Args:
            dim: D, the length of an embedding.
            grid: (h, w) of the patches.
            params: the parameters of the detector.
        """
        super().__init__()
        self.grid = grid
        height, width = (max(1, count // params.pooling) for count in grid)
        self.token_grid = (height, width)
        self.jitter = params.jitter
        self.enter, self.leave = nn.Linear(dim, params.width), nn.Linear(params.width, dim)
        self.rows = nn.Parameter(torch.rand(height, params.width // 2))
        self.columns = nn.Parameter(torch.rand(width, params.width // 2))
        hidden = neighbor_mask(self.token_grid, params.neighbor_mask)
        self.register_buffer("hidden", hidden, persistent=False)

    @abstractmethod
    def decoded(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """What the transformer makes of tokens (B, T, W) at positions (T, W)."""

    def predictions(self, inputs: Tensor) -> list[Tensor]:
        """Reconstructed tokens (B, T, D) of patches (B, P, D)."""
        tokens = self.tokens(inputs)
        return [self.leave(self.decoded(self.enter(self.noisy(tokens)), self.positions()))]

    def targets(self, inputs: Tensor) -> list[Tensor]:
        """The tokens (B, T, D) without noise."""
        return [self.tokens(inputs)]

    def errors(self, predictions: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Errors (B, T * D), scaled so that their squares sum to the mean squared error."""
        residuals = (predictions[0] - targets[0]).flatten(1)
        return residuals / math.sqrt(residuals.shape[1])

    def tokens(self, patches: Tensor) -> Tensor:
        """Means (B, T, D) of the patches (B, P, D) of each token."""
        if self.token_grid == self.grid:
            return patches
        image = patches.mT.unflatten(2, self.grid)
        return functional.adaptive_avg_pool2d(image, self.token_grid).flatten(2).mT

    def noisy(self, tokens: Tensor) -> Tensor:
        """Tokens (B, T, D), in training with noise in proportion to the length of each."""
        if not self.training or not self.jitter:
            return tokens
        scale = self.jitter / tokens.shape[2] * tokens.norm(dim=2, keepdim=True)
        return tokens + scale * torch.randn_like(tokens)

    def positions(self) -> Tensor:
        """Learned positions (T, W): a part for the row and a part for the column."""
        height, width = self.token_grid
        rows = self.rows[:, None].expand(-1, width, -1)
        columns = self.columns.expand(height, -1, -1)
        return torch.cat([columns, rows], 2).flatten(0, 1)


class UniADNetwork(TokenReconstruction):
    """An encoder, and a decoder with learned queries in each of its layers."""

    def __init__(self, dim: int, grid: tuple[int, int], params: UniADParams) -> None:
        """Create the layers; arguments as for `TokenReconstruction`."""
        super().__init__(dim, grid, params)
        count = math.prod(self.token_grid)
        shape = params.width, params.heads, params.feedforward, params.dropout
        self.encoder = nn.ModuleList(EncoderLayer(*shape) for _ in range(params.depth))
        self.decoder = nn.ModuleList(DecoderLayer(count, *shape) for _ in range(params.depth))
        self.norm = nn.LayerNorm(params.width)
        initialize(self)

    def decoded(
        self, tokens: Tensor, positions: Tensor, conditions: Sequence[Tensor] | None = None
    ) -> Tensor:
        """What the transformer makes of tokens (B, T, W).

        Args:
            tokens: (B, T, W).
            positions: (T, W).
            conditions: (B, T, W) per layer of the encoder, which multiply its queries.
        """
        encoded = tokens
        for index, layer in enumerate(self.encoder):
            condition = conditions[index] if conditions else None
            encoded = layer(encoded, positions, self.hidden, condition)
        values = encoded
        for layer in self.decoder:
            values = layer(values, encoded, positions, self.hidden)
        result: Tensor = self.norm(values)
        return result
