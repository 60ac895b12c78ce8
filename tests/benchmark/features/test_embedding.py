"""Patch embeddings against plain versions that follow the published order of operations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.features.embedding import concat, official


def padded(layer: np.ndarray, pool: int) -> np.ndarray:
    edge = pool // 2
    return np.pad(layer, ((0, 0), (0, 0), (edge, edge), (edge, edge)))


def neighborhoods(layer: np.ndarray, pool: int) -> np.ndarray:
    """(B, C, h, w) -> (B, C, pool, pool, h, w): what surrounds each position, zeros outside."""
    _, _, height, width = layer.shape
    wide = padded(layer, pool)
    rows = [[wide[:, :, y : y + height, x : x + width] for x in range(pool)] for y in range(pool)]
    return np.stack([np.stack(row, axis=2) for row in rows], axis=2)


def upsampled(values: np.ndarray, side: int) -> np.ndarray:
    """(..., n, n) -> (..., side, side): bilinear between pixel centers, clamped at the border."""
    small = values.shape[-1]
    places = np.clip((np.arange(side) + 0.5) * small / side - 0.5, 0, small - 1)
    low = np.minimum(places.astype(int), small - 1)
    high, share = np.minimum(low + 1, small - 1), places - low
    rows = values[..., low, :] * (1 - share)[:, None] + values[..., high, :] * share[:, None]
    return rows[..., low] * (1 - share) + rows[..., high] * share


def averaged(values: np.ndarray, size: int) -> np.ndarray:
    """(..., L) -> (..., size): means of the `size` equal, possibly overlapping, windows."""
    length = values.shape[-1]
    windows = [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
    return np.stack([values[..., low:high].mean(-1) for low, high in windows], axis=-1)


def slow_official(maps: list[np.ndarray], pool: int, layer_dim: int, dim: int) -> np.ndarray:
    """PatchCore's order: unfold, upsample the patches' values, average each layer, then all."""
    side = maps[0].shape[-1]
    layers = []
    for layer in maps:
        patches = neighborhoods(layer, pool)
        patches = upsampled(patches, side) if layer.shape[-1] != side else patches
        flat = patches.reshape(len(layer), -1, side * side).transpose(0, 2, 1)
        layers.append(averaged(flat, layer_dim))
    return averaged(np.concatenate(layers, axis=2), dim)


def slow_concat(maps: list[np.ndarray], pool: int) -> np.ndarray:
    side = maps[0].shape[-1]
    layers = [upsampled(neighborhoods(layer, pool).mean((2, 3)), side) for layer in maps]
    return np.concatenate(layers, axis=1).reshape(len(maps[0]), -1, side * side).transpose(0, 2, 1)


def drawn_maps(*shapes: tuple[int, int]) -> list[np.ndarray]:
    """(2, channels, side, side) float64 maps."""
    rng = np.random.Generator(np.random.PCG64(0))
    return [rng.normal(0.3, 1, (2, channels, side, side)) for channels, side in shapes]


def as_tensors(maps: list[np.ndarray]) -> list[torch.Tensor]:
    return [torch.from_numpy(layer).float() for layer in maps]


SHAPES = [
    ((5, 6), (7, 3)),
    ((4, 7), (6, 4)),
    ((3, 8), (5, 4), (6, 2)),
    ((6, 5),),
]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize(("layer_dim", "dim"), [(16, 16), (32, 20), (1024, 1024)])
def test_official_equals_the_published_order_of_operations(shapes, layer_dim, dim):
    maps = drawn_maps(*shapes)
    ours = official(as_tensors(maps), pool=3, layer_dim=layer_dim, dim=dim).numpy()
    np.testing.assert_allclose(ours, slow_official(maps, 3, layer_dim, dim), atol=1e-5)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("pool", [1, 3, 5])
def test_concat_equals_pooling_upsampling_and_stacking_by_hand(shapes, pool):
    maps = drawn_maps(*shapes)
    ours = concat(as_tensors(maps), pool=pool).numpy()
    np.testing.assert_allclose(ours, slow_concat(maps, pool), atol=1e-5)


def test_patches_are_counted_along_rows():
    marked = torch.zeros(1, 1, 4, 4)
    marked[0, 0, 1, 2] = 1
    assert concat([marked], pool=1)[0, :, 0].argmax() == 1 * 4 + 2


def test_wide_resnet_maps_give_784_patches_of_1024_values():
    maps = [torch.zeros(1, 512, 28, 28), torch.zeros(1, 1024, 14, 14)]
    assert official(maps, pool=3, layer_dim=1024, dim=1024).shape == (1, 784, 1024)


def test_the_embedding_of_an_image_does_not_depend_on_its_batch():
    maps = as_tensors(drawn_maps((5, 6), (7, 3)))
    whole = official(maps, pool=3, layer_dim=16, dim=16)
    single = official([layer[1:] for layer in maps], pool=3, layer_dim=16, dim=16)
    torch.testing.assert_close(whole[1:], single, rtol=0, atol=1e-6)
