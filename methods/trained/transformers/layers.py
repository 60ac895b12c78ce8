"""The layers of UniAD's transformer, on tokens (B, T, W)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ....results.errors import UsageError


class Attention(nn.Module):
    """Attention with several heads and separate linear layers, which `gpm` can project."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        """Create the layers.

        Args:
            width: W, the length of a token; a multiple of `heads`.
            heads: number of heads.
            dropout: share of the attention weights that training sets to 0.
        """
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, hidden: Tensor | None = None
    ) -> Tensor:
        """Values (B, T, W) that the queries attend to.

        Args:
            query: (B, T, W).
            key: (B, S, W).
            value: (B, S, W).
            hidden: (T, S), true where a query must not see a key; None if it sees all.
        """
        q, k, v = (
            layer(each).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer, each in ((self.query, query), (self.key, key), (self.value, value))
        )
        scores = (q / math.sqrt(q.shape[3])) @ k.mT
        if hidden is not None:
            scores = scores.masked_fill(hidden, -torch.inf)
        attended = self.dropout(scores.softmax(3)) @ v
        result: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return result


class FeedForward(nn.Module):
    """Two linear layers with ReLU and dropout between them."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        result: Tensor = self.second(self.dropout(self.first(tokens).relu()))
        return result


class EncoderLayer(nn.Module):
    """Self-attention and a feed-forward layer, each with a residual and a norm after it."""

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads, dropout)
        self.feedforward = FeedForward(width, feedforward, dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        hidden: Tensor | None,
        condition: Tensor | None = None,
    ) -> Tensor:
        """Encode tokens (B, T, W).

        Args:
            tokens: (B, T, W).
            positions: (T, W), added to queries and keys.
            hidden: as for `Attention`.
            condition: (B, T, W), multiplies the queries.
        """
        key = tokens + positions
        query = key if condition is None else key * condition
        tokens = tokens + self.dropout(self.attention(query, key, tokens, hidden))
        tokens = self.norms[0](tokens)
        result: Tensor = self.norms[1](tokens + self.dropout(self.feedforward(tokens)))
        return result


class QueryAttention(nn.Module):
    """Learned queries attend to the encoded tokens, then to the tokens of the layer before."""

    def __init__(self, count: int, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(count, width))
        self.encoded, self.previous = (Attention(width, heads, dropout) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        tokens: Tensor,
        encoded: Tensor,
        positions: Tensor,
        hidden: Tensor | None,
        norms: tuple[nn.Module, nn.Module],
    ) -> Tensor:
        """Decode tokens (B, T, W).

        Args:
            tokens: (B, T, W) of the layer before.
            encoded: (B, T, W) of the encoder.
            positions: (T, W), added to queries and keys.
            hidden: as for `Attention`.
            norms: the norm after each attention.
        """
        values = self.queries.expand_as(tokens)
        for attention, memory, norm in (
            (self.encoded, encoded, norms[0]),
            (self.previous, tokens, norms[1]),
        ):
            attended = attention(values + positions, memory + positions, memory, hidden)
            values = norm(values + self.dropout(attended))
        return values


class DecoderLayer(nn.Module):
    """Attention of the queries of this layer, and a feed-forward layer."""

    def __init__(
        self, count: int, width: int, heads: int, feedforward: int, dropout: float
    ) -> None:
        super().__init__()
        self.attention = QueryAttention(count, width, heads, dropout)
        self.feedforward = FeedForward(width, feedforward, dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, tokens: Tensor, encoded: Tensor, positions: Tensor, hidden: Tensor | None
    ) -> Tensor:
        """Decode tokens (B, T, W); arguments as for `QueryAttention`."""
        norms = self.norms[0], self.norms[1]
        values = self.attention(tokens, encoded, positions, hidden, norms)
        result: Tensor = self.norms[2](values + self.dropout(self.feedforward(values)))
        return result


def neighbor_mask(grid: tuple[int, int], side: int) -> Tensor | None:
    """Which tokens a token must not see: those in a square around it.

    Args:
        grid: (h, w) of the tokens.
        side: odd side of the square; 0 hides nothing.

    Returns:
        (h * w, h * w) booleans, or None.

    Raises:
        UsageError: a token would see nothing.
    """
    if not side:
        return None
    rows, columns = (torch.arange(count) for count in grid)
    places = torch.cartesian_prod(rows, columns)
    hidden = ((places[:, None] - places).abs() <= side // 2).all(2)
    if hidden.all(1).any():
        raise UsageError(
            f"neighbor_mask={side} hides all {grid[0]} x {grid[1]} tokens from one of them: "
            "use a lower neighbor_mask or a lower pooling"
        )
    return hidden


def initialize(network: nn.Module) -> None:
    """Give linear layers the initial values of the source: Xavier's, and biases of 0."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in network.modules():
        if isinstance(module, Attention):
            # The source has one matrix for the three, so that its rows outnumber its columns.
            for layer in (module.query, module.key, module.value):
                nn.init.xavier_uniform_(layer.weight, math.sqrt(0.5))
