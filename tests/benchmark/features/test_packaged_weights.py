"""Backbones whose weights are in packages, or in files of the original authors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.features import weights as weights_module
from cadbench.benchmark.features.feature_spec import FeatureSpec
from cadbench.benchmark.features.timm_models import load_model
from cadbench.benchmark.features.weights import Weights, find_weights
from cadbench.results.errors import CadbenchError

# The first four channels of the first position at strides 8 and 16, computed with the authors'
# implementation (the package efficientnet-lite-pytorch 0.1.0) at the size of its training images.
ORIGINAL = {
    "tf_efficientnet_lite1": (
        240,
        {40: [0.7745, -3.8782, -31.8726, -0.1740], 112: [2.7788, 3.3382, 4.8982, -6.9905]},
    ),
    "tf_efficientnet_lite2": (
        260,
        {48: [7.5192, -0.8149, -5.4939, 0.1754], 120: [0.3022, 1.4633, -13.5453, 0.5663]},
    ),
}


def layers_of(
    backbone: str, weights: Weights, size: int
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Normalized random images, and the layers of the backbone for them."""
    prepared = Preprocessing(resize=size, crop=size)
    spec = FeatureSpec(backbone, "0" * 64, (8, 16), "concat", {"pool": 3}, prepared)
    pixels = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (1, 3, size, size), np.uint8)
    images = (torch.from_numpy(pixels).float() / 255 - 0.5) / 0.5
    with torch.inference_mode():
        return images, load_model(spec, weights)(images)


@pytest.mark.parametrize("backbone", ORIGINAL)
def test_weights_of_a_package_give_the_features_of_the_authors_implementation(backbone):
    pytest.importorskip(weights_module.PACKAGED[backbone][0])
    size, expected = ORIGINAL[backbone]
    _, layers = layers_of(backbone, find_weights(backbone), size)
    assert [layer.shape[1] for layer in layers] == list(expected)
    for layer, values in zip(layers, expected.values(), strict=True):
        torch.testing.assert_close(layer[0, :4, 0, 0], torch.tensor(values), rtol=1e-4, atol=1e-3)


def test_without_the_package_the_hub_is_used_and_its_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(weights_module.PACKAGED, "tf_efficientnet_lite1", ("no_such_module", "F"))
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "nowhere")
    with pytest.raises(CadbenchError, match=r"install cadbench\[backbones\], pass a file with --w"):
        find_weights("tf_efficientnet_lite1")


def test_a_mobilenet_of_torchvision_is_loaded_by_its_names(tmp_path: Path):
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    original = mobilenet_v2().eval()
    for module in original.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.weight, 0.5, 2)
    torch.save(original.state_dict(), tmp_path / "w.pth")
    weights = find_weights("mobilenetv2_100", tmp_path / "w.pth")
    images, layers = layers_of("mobilenetv2_100", weights, 64)
    with torch.inference_mode():
        expected = [original.features[:end](images) for end in (7, 14)]
    assert [layer.shape[1] for layer in layers] == [32, 96]
    for layer, values in zip(layers, expected, strict=True):
        torch.testing.assert_close(layer, values, rtol=1e-4, atol=1e-4)
