"""The backbone as methods get it: the same layers as the features', and a twin to be trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.features.embedding import EMBEDDINGS
from cadbench.benchmark.features.extractor import load_extractor
from cadbench.benchmark.features.feature_spec import FeatureSpec
from cadbench.benchmark.features.frozen_backbone import load_frozen
from cadbench.benchmark.features.weights import EMBEDDED_BACKBONE, find_weights
from cadbench.benchmark.interface.context import MethodContext
from cadbench.results.errors import CadbenchError

CPU = torch.device("cpu")
SPEC = FeatureSpec(
    EMBEDDED_BACKBONE, "0" * 64, (8, 16), "concat", {"pool": 3}, Preprocessing(64, 64)
)


def test_its_maps_are_those_that_patch_embeddings_are_made_of():
    weights = find_weights(EMBEDDED_BACKBONE)
    frozen = load_frozen(SPEC, weights, CPU)
    rng = np.random.Generator(np.random.PCG64(0))
    pixels = torch.from_numpy(rng.integers(0, 256, (2, 3, 64, 64), dtype=np.uint8))
    maps = frozen.maps(pixels)
    assert [tuple(layer.shape) for layer in maps] == [(2, 40, 8, 8), (2, 112, 4, 4)]
    assert (frozen.channels, frozen.strides) == ((40, 112), (8, 16))
    patches = EMBEDDINGS["concat"](maps, pool=3).half()
    extracted = load_extractor(SPEC, weights, CPU).extract(pixels)
    torch.testing.assert_close(patches, extracted, rtol=1e-3, atol=1e-3)
    assert torch.equal(frozen.maps(pixels.float() / 255)[0], maps[0])
    assert not any(layer.requires_grad for layer in maps)

    state = torch.get_rng_state()
    one, same, other = (frozen.untrained(seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    weights_of = [next(iter(network.parameters())) for network in (one, same, other)]
    assert torch.equal(weights_of[0], weights_of[1])
    assert not torch.equal(weights_of[0], weights_of[2])
    one.eval()
    learned = one(frozen.normalized(pixels))
    assert [layer.shape for layer in learned] == [layer.shape for layer in maps]
    assert learned[0].requires_grad


def test_a_context_without_a_backbone_says_so():
    context = MethodContext(0, CPU, 6, (8, 8), "oracle", None, None, print)  # type: ignore[arg-type]
    with pytest.raises(CadbenchError, match="without a backbone"):
        context.backbone()
