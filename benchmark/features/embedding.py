"""Embeddings: feature maps of one or more layers become patch embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional


def concat(maps: Sequence[Tensor], *, pool: int) -> Tensor:
    """Average pooling, upsampling to the finest grid, concatenation of the layers.

    Args:
        maps: (B, C_i, h_i, w_i), finest layer first.
        pool: odd width of the pooled neighborhood; stride 1, zeros outside the border.

    Returns:
        Patches (B, h * w, sum of C_i).
    """
    pooled = [functional.avg_pool2d(layer, pool, stride=1, padding=pool // 2) for layer in maps]
    return _flatten_grid(torch.cat(_upsample_to_finest(pooled), dim=1))


def tokens(maps: Sequence[Tensor]) -> Tensor:
    """Concatenation of the layers without pooling: for transformers, whose tokens are patches.

    Args:
        maps: (B, C_i, h_i, w_i), finest layer first.

    Returns:
        Patches (B, h * w, sum of C_i).
    """
    return _flatten_grid(torch.cat(_upsample_to_finest(maps), dim=1))


def official(maps: Sequence[Tensor], *, pool: int, layer_dim: int, dim: int) -> Tensor:
    """The embedding published with PatchCore (Roth et al. 2022).

    Each neighborhood of a layer is flattened (C_i * pool^2 values) and averaged down to `layer_dim`
    values. Coarse layers are upsampled bilinearly to the finest grid. The values of all layers are
    concatenated and averaged down to `dim`. The first averaging is linear, so it is done before the
    upsampling, on a quarter of the positions.

    Args:
        maps: (B, C_i, h_i, w_i), finest layer first.
        pool: odd width of the neighborhood; stride 1, zeros outside the border.
        layer_dim: values per layer.
        dim: values per patch.

    Returns:
        Patches (B, h * w, dim).
    """
    reduced = []
    for layer in maps:
        batch, _, height, width = layer.shape
        neighborhoods = functional.unfold(layer, pool, padding=pool // 2).transpose(1, 2)
        values = functional.adaptive_avg_pool1d(neighborhoods, layer_dim)
        reduced.append(values.transpose(1, 2).reshape(batch, layer_dim, height, width))
    stacked = _flatten_grid(torch.cat(_upsample_to_finest(reduced), dim=1))
    return functional.adaptive_avg_pool1d(stacked, dim)


EMBEDDINGS: dict[str, Callable[..., Tensor]] = {
    "concat": concat,
    "official": official,
    "tokens": tokens,
}


def _upsample_to_finest(maps: Sequence[Tensor]) -> list[Tensor]:
    grid = maps[0].shape[-2:]
    return [
        layer
        if layer.shape[-2:] == grid
        else functional.interpolate(layer, size=grid, mode="bilinear", align_corners=False)
        for layer in maps
    ]


def _flatten_grid(maps: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, h * w, C)."""
    return maps.flatten(2).transpose(1, 2)
