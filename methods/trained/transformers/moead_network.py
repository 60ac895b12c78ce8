"""The network of `moead`: rounds of one decoder layer with pools of feed-forward layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .layers import FeedForward, QueryAttention, initialize
from .uniad_network import TokenReconstruction

if TYPE_CHECKING:
    from .parameters import MoEADParams

_POOLS = 2


class ExpertPool(nn.Module):
    """Feed-forward layers, of which a router chooses some for each token."""

    def __init__(self, params: MoEADParams) -> None:
        super().__init__()
        self.top = params.top
        self.router = nn.Linear(params.width, params.pool_size)
        shape = params.width, params.feedforward, params.dropout
        self.experts = nn.ModuleList(FeedForward(*shape) for _ in range(params.pool_size))

    def forward(self, tokens: Tensor) -> Tensor:
        """The weighted sum (B, T, W) of what the chosen experts make of tokens (B, T, W)."""
        flat = tokens.flatten(0, 1)
        logits, chosen = self.router(flat).topk(self.top, 1)
        weights = logits.softmax(1)
        total = torch.zeros_like(flat)
        for number, expert in enumerate(self.experts):
            rows, place = (chosen == number).nonzero(as_tuple=True)
            weighted = weights[rows, place, None] * expert(flat[rows])
            total = total.index_add(0, rows, weighted.to(total))
        return total.reshape(tokens.shape)


class MoEADNetwork(TokenReconstruction):
    """No encoder; one decoder layer, used in several rounds, each with norms of its own."""

    def __init__(self, dim: int, grid: tuple[int, int], params: MoEADParams) -> None:
        """Create the layers; arguments as for `TokenReconstruction`."""
        super().__init__(dim, grid, params)
        self.attention = QueryAttention(
            math.prod(self.token_grid), params.width, params.heads, params.dropout
        )
        self.pools = nn.ModuleList(ExpertPool(params) for _ in range(_POOLS))
        self.norms = nn.ModuleList(
            nn.ModuleList(nn.LayerNorm(params.width) for _ in range(2 + _POOLS))
            for _ in range(params.depth)
        )
        self.dropout = nn.Dropout(params.dropout)
        initialize(self)

    def decoded(self, tokens: Tensor, positions: Tensor) -> Tensor:
        values = tokens
        for norms in self.norms:
            first, second, *rest = norms.children()
            values = self.attention(values, tokens, positions, self.hidden, (first, second))
            for pool, norm in zip(self.pools, rest, strict=True):
                values = norm(values + self.dropout(pool(values)))
        return values
