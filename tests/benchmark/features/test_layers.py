"""Layers of a backbone by stride, block or name, and names of models that timm does not know."""

from __future__ import annotations

import re

import pytest
from cadbench.benchmark.features.backbones import default_embedding
from cadbench.benchmark.features.networks.layers import default_layers, parse_layers
from cadbench.benchmark.features.networks.model_names import require_model
from cadbench.benchmark.features.timm_models import check_backbone
from cadbench.results.errors import UsageError


@pytest.mark.parametrize(
    ("given", "layers"),
    [
        (["16", " 8"], (8, 16)),
        ([16, 8], (8, 16)),
        (["block:11", "block:5"], ("block:5", "block:11")),
        (["layer2", "layer3.0"], ("layer2", "layer3.0")),
    ],
)
def test_layers_are_read_in_the_networks_order(given, layers):
    assert parse_layers(given) == layers


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["8", 8], "8 is listed twice"),
        (["block:-1"], "got 'block:-1'"),
        (["0"], "got '0'"),
        ([True], "got True"),
        ([8.0], "got 8.0"),
        ([], "the list is empty"),
    ],
)
def test_malformed_layers_are_refused(given, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_layers(given)


def test_transformers_have_a_block_and_no_pooling_by_default():
    assert default_layers("tf_efficientnet_lite0") == default_layers("test_resnet") == (8, 16)
    assert default_layers("vit_tiny_patch16_224") == ("block:5",)
    assert default_layers("test_vit") == ("block:2",)
    assert default_embedding("test_vit", ("block:2",)) == "tokens"
    assert default_embedding("wide_resnet50_2", (8, 16)) == "official"
    assert default_embedding("test_resnet", ("layer2",)) == "concat"


@pytest.mark.parametrize(
    ("backbone", "layers", "size", "words"),
    [
        ("test_vit", ("block:2",), 60, "60 pixels, which do not divide into patches of 16; choose "
         "--image-size 48 or 64"),
        ("vit_small_patch14_dinov2", ("block:5",), 256, "choose --image-size 252 or 266"),
        ("vit_small_patch14_dinov2", ("block:12",), 224, "transformer of 12 blocks, which has no "
         "layer 'block:12'; choose --layers from block:0 to block:11"),
        ("test_vit", (8, 16), 64, "has no layer 8; choose --layers from block:0"),
        ("test_resnet", ("block:1",), 64, "test_resnet is no transformer with blocks; choose "),
        ("test_resnet", ("layr2",), 64, "no layer 'layr2' (did you mean layer2?); it has: act1, "),
        ("test_resnet", (5,), 64, "no layer of stride 5 (it has [2, 4, 8, 16, 32]); name other"),
        ("test_resnet", ("layer3", "layer2"), 64, "list each layer of test_resnet once and in"),
        ("test_resnet", (8, "layer2"), 64, "list each layer of test_resnet once and in"),
        ("tf_efficientnet_lite0", (64,), 64, "no layer of stride 64"),
        ("test_maxvit", (8, 16), 64, "test_maxvit cannot be used with images of 64 pixels: "),
    ],
)  # fmt: skip
def test_layers_and_sizes_that_do_not_fit_are_refused_before_weights_are_loaded(
    backbone, layers, size, words
):
    with pytest.raises(UsageError, match=re.escape(words)) as refused:
        check_backbone(backbone, layers, size)
    assert "\n" not in str(refused.value)


def test_layers_that_fit_pass_the_check():
    check_backbone("test_vit", ("block:0", "block:5"), 96)
    check_backbone("test_vit3", ("block:1",), 80)
    check_backbone("test_resnet", (4, "layer3"), 64)
    check_backbone("tf_efficientnet_lite0", (4, 8), 64)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dinov2", "(did you mean vit_small_patch14_dinov2.lvd142m, vit_small_patch14_reg4"),
        ("dinov2_vitb14_reg", "(did you mean vit_base_patch14_reg4_dinov2.lvd142m?)"),
        ("dino_vits8", "(did you mean vit_small_patch8_224.dino?)"),
        ("ViT-B/16", "'ViT-B/16' (did you mean vit_base_patch16_224."),
        ("test_resnt", "(did you mean test_resnet?)"),
        ("vit_small_patch14_dinov2.lvd", "no weights 'lvd' of vit_small_patch14_dinov2 (did you m"),
        ("test_resnet.", "no weights"),
    ],
)
def test_similar_models_are_suggested(name, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        require_model(name)
