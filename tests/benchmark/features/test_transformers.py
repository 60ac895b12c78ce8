"""Vision transformers as backbones: patch tokens of blocks, image sizes, weights files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.features.extractor import load_extractor
from cadbench.benchmark.features.feature_spec import FeatureSpec
from cadbench.benchmark.features.frozen_backbone import load_frozen
from cadbench.benchmark.features.weights import Weights, find_weights
from cadbench.results.errors import CadbenchError
from timm.models import vision_transformer
from torch import Tensor

CPU = torch.device("cpu")
RANDOM = Weights("random:0", seed=0)
DINO = "cadbench_tiny_dinov2"


def cadbench_tiny_dinov2(pretrained: bool = False, **options: Any) -> Any:
    """A small model of DINOv2's kind: patches of 14 pixels, four registers, layer scale."""
    small = {"img_size": 56, "embed_dim": 24, "depth": 4, "num_heads": 2, "init_values": 0.5}
    kind = {"patch_size": 14, "reg_tokens": 4, "no_embed_class": True}
    return vision_transformer._create_vision_transformer(
        "vit_small_patch14_reg4_dinov2", pretrained=pretrained, **{**small, **kind, **options}
    )


cadbench_tiny_dinov2.__module__ = vision_transformer.__name__
if not timm.is_model(DINO):
    timm.models.register_model(cadbench_tiny_dinov2)


def a_spec(backbone: str, size: int, *layers: str, dtype: str = "float32") -> FeatureSpec:
    return FeatureSpec(backbone, "0" * 64, layers, "tokens", {}, Preprocessing(size, size), dtype)


def some_images(size: int) -> Tensor:
    rng = np.random.Generator(np.random.PCG64(0))
    return torch.from_numpy(rng.integers(0, 256, (2, 3, size, size), dtype=np.uint8))


def seeded(backbone: str, **options: Any) -> Any:
    torch.manual_seed(0)
    return timm.create_model(backbone, **options).eval()


def tokens_of(model: Any, images: Tensor, indices: list[int], mean: float, std: float) -> Tensor:
    """The patch tokens of blocks as timm's own function returns them, concatenated."""
    with torch.inference_mode():
        blocks = model.forward_intermediates(
            (images / 255 - mean) / std, indices, output_fmt="NLC", intermediates_only=True
        )
    return torch.cat(blocks, dim=2)


@pytest.mark.parametrize(("size", "indices"), [(160, [2]), (64, [1, 5])])
def test_features_are_the_patch_tokens_of_the_blocks(size, indices):
    extractor = load_extractor(
        a_spec("test_vit", size, *(f"block:{i}" for i in indices)), RANDOM, CPU
    )
    images = some_images(size)
    expected = tokens_of(seeded("test_vit", img_size=size), images, indices, 0.5, 0.5)
    patches = extractor.extract(images)
    assert patches.shape == (2, (size // 16) ** 2, 64 * len(indices))
    torch.testing.assert_close(patches, expected, rtol=1e-4, atol=1e-5)


def test_class_and_register_tokens_are_no_patches_and_normalization_is_the_models():
    extractor = load_extractor(a_spec(DINO, 84, "block:1"), RANDOM, CPU)
    model = seeded(DINO, img_size=84)
    assert model.num_prefix_tokens == 5
    patches = extractor.extract(some_images(84))
    assert patches.shape == (2, 36, 24)
    torch.testing.assert_close(extractor.mean.flatten(), torch.tensor([0.485, 0.456, 0.406]))
    clip = load_extractor(a_spec("test_vit", 32, "block:0"), RANDOM, CPU)
    assert clip.mean.flatten().tolist() == [0.5, 0.5, 0.5]
    with torch.inference_mode():
        normalized = extractor.normalized(some_images(84).float() / 255)
        (expected,) = model.forward_intermediates(
            normalized, [1], output_fmt="NLC", intermediates_only=True
        )
    torch.testing.assert_close(patches, expected, rtol=1e-4, atol=1e-5)


def original_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as DINOv2's authors name them; the class token has a position embedding."""
    state = dict(state)
    offset = torch.full_like(state["cls_token"], 0.25)
    state["register_tokens"] = state.pop("reg_token")
    state["cls_token"] = state["cls_token"] - offset
    state["pos_embed"] = torch.cat([offset, state["pos_embed"]], dim=1)
    return {**state, "mask_token": torch.zeros(1, 24)}


FORMS = {
    "timm": lambda state: state,
    "wrapped": lambda state: {"model": state, "epoch": 3},
    "backbone": lambda state: {f"backbone.{name}": value for name, value in state.items()},
    "module": lambda state: {"state_dict": {f"module.{n}": value for n, value in state.items()}},
    "teacher": lambda state: {
        **{f"teacher.backbone.{name}": value for name, value in original_names(state).items()},
        "teacher.dino_head.mlp.0.weight": torch.ones(3, 3),
    },
    "original": original_names,
    "headless": lambda state: {n: v for n, v in state.items() if not n.startswith("norm.")},
}


@pytest.mark.parametrize("form", FORMS)
def test_weights_are_loaded_and_position_embeddings_resampled_as_timm_does(tmp_path, form):
    torch.manual_seed(5)
    state = timm.create_model(DINO).state_dict()
    file = tmp_path / "w.pth"
    torch.save(FORMS[form](state), file)
    model = seeded(
        DINO,
        img_size=84,  # the file has position embeddings for 56 pixels
        num_classes=0,
        pretrained=True,
        pretrained_cfg_overlay={"state_dict": dict(state), "num_classes": 0},
    )
    extractor = load_extractor(
        a_spec(DINO, 84, "block:0", "block:3"), find_weights(DINO, file), CPU
    )
    images = some_images(84)
    with torch.inference_mode():
        expected = model.forward_intermediates(
            extractor.normalized(images.float() / 255), [0, 3], output_fmt="NLC",
            intermediates_only=True,
        )  # fmt: skip
    torch.testing.assert_close(
        extractor.extract(images), torch.cat(expected, 2), rtol=1e-4, atol=1e-5
    )


def test_a_file_that_lacks_a_block_or_is_of_another_model_is_one_line(tmp_path: Path):
    state = seeded("test_vit").state_dict()
    torch.save(
        {n: v for n, v in state.items() if not n.startswith("blocks.2.")}, tmp_path / "a.pth"
    )
    spec = a_spec("test_vit", 64, "block:2")
    with pytest.raises(CadbenchError, match=r"it lacks 12 tensors of the model, such as blocks\.2"):
        load_extractor(spec, find_weights("test_vit", tmp_path / "a.pth"), CPU)
    load_extractor(
        a_spec("test_vit", 64, "block:1"), find_weights("test_vit", tmp_path / "a.pth"), CPU
    )
    torch.save(seeded(DINO).state_dict(), tmp_path / "b.pth")
    with pytest.raises(CadbenchError, match="weights file does not fit test_vit: ") as refused:
        load_extractor(spec, find_weights("test_vit", tmp_path / "b.pth"), CPU)
    assert "\n" not in str(refused.value)


def test_named_layers_and_strides_of_a_network_give_the_same_features():
    images = some_images(64)
    by_stride = load_extractor(a_spec("test_resnet", 64, 8, 16), RANDOM, CPU).extract(images)
    names = load_extractor(a_spec("test_resnet", 64, "layer2", "layer3"), RANDOM, CPU)
    assert torch.equal(names.extract(images), by_stride)
    finer = load_extractor(a_spec("test_resnet", 64, 4), RANDOM, CPU).extract(images)
    assert finer.shape[:2] == (2, 256)


def test_methods_get_maps_of_a_transformer():
    frozen = load_frozen(a_spec(DINO, 56, "block:1"), RANDOM, CPU)
    assert (frozen.channels, frozen.strides) == ((24,), (14,))
    assert frozen.maps(some_images(56))[0].shape == (2, 24, 4, 4)
    assert frozen.untrained(1)(frozen.normalized(some_images(56)))[0].requires_grad
