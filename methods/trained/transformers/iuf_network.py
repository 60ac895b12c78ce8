"""The network of `iuf`: UniAD whose encoder is conditioned by a classifier of categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .layers import Attention, initialize
from .uniad_network import UniADNetwork

if TYPE_CHECKING:
    from .parameters import IUFParams


class ObjectAwareness(nn.Module):
    """A classifier of categories, whose blocks give the conditions of UniAD's encoder."""

    def __init__(self, dim: int, row: int, params: IUFParams) -> None:
        """Create the layers.

        Args:
            dim: D, the length of an embedding.
            row: tokens per row; attention sees one row.
            params: the parameters of the detector.
        """
        super().__init__()
        width = params.width
        self.enter = nn.Linear(dim, width, bias=False)
        self.norm = nn.BatchNorm1d(width)
        heads = max(1, params.heads // 2)
        self.blocks = nn.ModuleList(_Block(width, heads, row) for _ in range(params.depth))
        self.hidden = nn.Linear(width, width)
        self.head = nn.Linear(width, max(1, params.head))
        initialize(self)

    def forward(self, tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, categories) of tokens (B, T, D), and the values (B, T, W) of each block.

        The values have no gradient: only the labels train the classifier.
        """
        entered = self.enter(tokens)
        values = self.norm(entered.flatten(0, 1)).reshape(entered.shape).relu()
        conditions = []
        for block in self.blocks:
            values = block(values)
            conditions.append(values.detach())
        return self.head(self.hidden(values.mean(1)).relu()), conditions


class _Block(nn.Module):
    """A transformer block with norms before its parts, and attention along rows."""

    def __init__(self, width: int, heads: int, row: int) -> None:
        super().__init__()
        self.row = row
        self.attention = Attention(width, heads)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.inner, self.outer = nn.Linear(width, width // 2), nn.Linear(width // 2, width)

    def forward(self, values: Tensor) -> Tensor:
        rows = self.norms[0](values).unflatten(1, (-1, self.row)).flatten(0, 1)
        values = values + self.attention(rows, rows, rows).reshape(values.shape)
        inner = nn.functional.gelu(self.inner(self.norms[1](values)))
        result: Tensor = values + self.outer(inner)
        return result


class IUFNetwork(UniADNetwork):
    """UniAD, the queries of whose encoder are multiplied by what a classifier sees."""

    def __init__(self, dim: int, grid: tuple[int, int], params: IUFParams) -> None:
        """Create the layers; arguments as for `TokenReconstruction`."""
        super().__init__(dim, grid, params)
        self.objects = ObjectAwareness(dim, self.token_grid[1], params)

    def predictions(self, inputs: Tensor) -> list[Tensor]:
        tokens = self.tokens(inputs)
        _, conditions = self.objects(tokens)
        entered = self.enter(self.noisy(tokens))
        return [self.leave(self.decoded(entered, self.positions(), conditions))]

    def grow_head(self, categories: int) -> None:
        """Give the classifier at least one output per category; the old ones stay as they are."""
        old = self.objects.head
        if categories <= old.out_features:
            return
        grown = nn.Linear(old.in_features, categories).to(old.weight)
        with torch.no_grad():
            nn.init.xavier_uniform_(grown.weight)
            grown.bias.zero_()
            grown.weight[: old.out_features] = old.weight
            grown.bias[: old.out_features] = old.bias
        self.objects.head = grown
