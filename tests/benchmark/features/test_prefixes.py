"""Prefixes: what blocks attend to besides the tokens, and where gradients go."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.features.feature_spec import FeatureSpec
from cadbench.benchmark.features.frozen_backbone import FrozenBackbone, load_frozen
from cadbench.benchmark.features.weights import Weights
from cadbench.results.errors import UsageError
from timm.models import eva
from torch import Tensor

from tests.benchmark.features.test_transformers import DINO, some_images

CPU = torch.device("cpu")
DINO3 = "cadbench_tiny_dinov3"


def cadbench_tiny_dinov3(pretrained: bool = False, **options: Any) -> Any:
    """A small model of DINOv3's kind: rotary position embeddings."""
    small = {"embed_dim": 24, "depth": 3, "num_heads": 2, "init_values": 0.5}
    return eva.vit_small_patch16_dinov3(pretrained, **{**small, **options})


cadbench_tiny_dinov3.__module__ = eva.__name__
if not timm.is_model(DINO3):
    timm.models.register_model(cadbench_tiny_dinov3)


def frozen(backbone: str, size: int, *layers: str | int, device: str = "cpu") -> FrozenBackbone:
    spec = FeatureSpec(backbone, "0" * 64, layers, "tokens", {}, Preprocessing(size, size))
    return load_frozen(spec, Weights("random:0", seed=0), torch.device(device))


def random_prefixes(backbone: FrozenBackbone, length: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(backbone.prefix_shape(length), generator=generator)


def slow_attention(attention: torch.nn.Module, prefix: Tensor, x: Tensor) -> Tensor:
    """Attention of one image (N, D) head by head and query by query."""
    queries, keys, values = attention.qkv(x).chunk(3, dim=1)  # type: ignore[operator]
    keys, values = torch.cat([prefix[0], keys]), torch.cat([prefix[1], values])
    size = queries.shape[1] // attention.num_heads
    rows = []
    for query in queries:
        parts = []
        for head in range(attention.num_heads):  # type: ignore[arg-type]
            own = slice(head * size, (head + 1) * size)
            scores = keys[:, own] @ query[own] / size**0.5
            parts.append(scores.softmax(0) @ values[:, own])
        rows.append(torch.cat(parts))
    return attention.proj(torch.stack(rows))  # type: ignore[operator]


def test_blocks_attend_to_prefixes_as_a_slow_attention_does():
    backbone = frozen(DINO, 56, "block:1")
    prefixes = random_prefixes(backbone, 3)
    assert prefixes.shape == (2, 2, 3, 24)
    images = some_images(56)
    (prompted,) = backbone.prompted_maps(images, prefixes)
    inner = backbone._network.model  # type: ignore[union-attr]
    tokens = inner._pos_embed(inner.patch_embed(backbone.normalized(images)))
    expected = []
    for image in tokens:
        for block, prefix in zip(inner.blocks, prefixes, strict=True):
            image = image + block.ls1(slow_attention(block.attn, prefix, block.norm1(image)))
            image = image + block.ls2(block.mlp(block.norm2(image)))
        expected.append(image[inner.num_prefix_tokens :].T.reshape(24, 4, 4))
    torch.testing.assert_close(prompted, torch.stack(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("backbone", "size"), [(DINO, 56), (DINO3, 32)])
def test_without_influence_prefixes_change_nothing(backbone, size):
    network = frozen(backbone, size, "block:1")
    images = some_images(size)
    plain = network.maps(images)[0]
    assert torch.equal(network.prompted_maps(images, None)[0], plain)
    none = network.prompted_maps(images, random_prefixes(network, 0))[0]
    torch.testing.assert_close(none, plain, rtol=1e-4, atol=1e-5)
    changed = network.prompted_maps(images, random_prefixes(network, 1))[0]
    assert (changed - plain).abs().max() > 1e-3
    assert torch.equal(network.maps(images)[0], plain)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=[pytest.mark.cuda])])
def test_only_prefixes_get_gradients(device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    backbone = frozen(DINO, 56, "block:1", device=device)
    prefixes = random_prefixes(backbone, 1).to(device).requires_grad_()
    backbone.prompted_maps(some_images(56).to(device), prefixes)[0].square().mean().backward()
    assert prefixes.grad is not None
    assert (prefixes.grad.flatten(2).abs().amax(2) > 0).all()
    network = backbone._network
    assert network is not None
    assert all(value.grad is None for value in network.parameters())


def test_a_convolutional_backbone_takes_no_prefixes():
    backbone = frozen("test_resnet", 64, 8, 16)
    with pytest.raises(
        UsageError, match="prompts need a vision transformer with timm's usual attention"
    ):
        backbone.prefix_shape(1)
    with pytest.raises(UsageError, match="prompts need a vision transformer"):
        backbone.prompted_maps(some_images(64), torch.zeros(2, 2, 1, 24))


def test_prefixes_of_another_shape_are_refused():
    backbone = frozen(DINO, 56, "block:1")
    with pytest.raises(ValueError, match=r"expected prefixes of shape \(2, 2, 1, 24\)"):
        backbone.prompted_maps(some_images(56), torch.zeros(1, 2, 1, 24))
