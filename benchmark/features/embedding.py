"""From feature maps of two or more layers to patch embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional


def concat(maps: Sequence[Tensor], *, pool: int) -> Tensor:
    """Average pooling, upsampling to the finest grid, concatenation.

    maps: (B, C_i, h_i, w_i) from fine to coarse; pool: odd width of the pooled neighborhood,
    stride 1, zeros beyond the border. Returns patches (B, h * w, sum of C_i).
    """
    pooled = [functional.avg_pool2d(layer, pool, stride=1, padding=pool // 2) for layer in maps]
    return _patches(torch.cat(_on_finest_grid(pooled), dim=1))


def official(maps: Sequence[Tensor], *, pool: int, layer_dim: int, dim: int) -> Tensor:
    """The embedding published with PatchCore (Roth et al. 2022).

    Each pool x pool neighborhood of a layer is flattened (C_i * pool^2) and averaged down to
    `layer_dim` values; coarse layers are upsampled bilinearly to the finest grid; the layers'
    values are put behind one another and averaged down to `dim`. The averaging is linear, so it
    is done before the upsampling here, on a quarter of the positions. Shapes as in `concat`.
    Returns patches (B, h * w, dim).
    """
    reduced = []
    for layer in maps:
        batch, _, height, width = layer.shape
        neighborhoods = functional.unfold(layer, pool, padding=pool // 2).transpose(1, 2)
        values = functional.adaptive_avg_pool1d(neighborhoods, layer_dim)
        reduced.append(values.transpose(1, 2).reshape(batch, layer_dim, height, width))
    stacked = _patches(torch.cat(_on_finest_grid(reduced), dim=1))
    return functional.adaptive_avg_pool1d(stacked, dim)


EMBEDDINGS: dict[str, Callable[..., Tensor]] = {"concat": concat, "official": official}


def _on_finest_grid(maps: Sequence[Tensor]) -> list[Tensor]:
    grid = maps[0].shape[-2:]
    return [
        layer
        if layer.shape[-2:] == grid
        else functional.interpolate(layer, size=grid, mode="bilinear", align_corners=False)
        for layer in maps
    ]


def _patches(stacked: Tensor) -> Tensor:
    return stacked.flatten(2).transpose(1, 2)
