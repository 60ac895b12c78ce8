"""Backbones: that weights go where they belong, what is extracted, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.features.backbones import (
    EMBEDDING_PARAMS,
    STRIDES,
    default_embedding,
    embedding_params,
)
from cadbench.benchmark.features.extractor import Extractor, load_extractor
from cadbench.benchmark.features.feature_spec import FeatureSpec
from cadbench.benchmark.features.timm_models import check_backbone, load_model
from cadbench.benchmark.features.weights import (
    EMBEDDED_BACKBONE,
    Weights,
    find_weights,
    read_weights,
)
from cadbench.results.errors import CadbenchError, UsageError
from safetensors.torch import save_file

CPU = torch.device("cpu")
RANDOM = Weights("random:0", seed=0)
SIZE = 64


def a_spec(backbone: str, embedding: str = "concat", **changes: Any) -> FeatureSpec:
    values: dict[str, Any] = {
        "weights": "0" * 64,
        "layers": STRIDES,
        "embedding_params": EMBEDDING_PARAMS[embedding],
        "preprocessing": Preprocessing(resize=SIZE, crop=SIZE),
        **changes,
    }
    return FeatureSpec(backbone=backbone, embedding=embedding, **values)


def some_images(count: int = 3) -> torch.Tensor:
    rng = np.random.Generator(np.random.PCG64(0))
    return torch.from_numpy(rng.integers(0, 256, (count, 3, SIZE, SIZE), dtype=np.uint8))


State = dict[str, torch.Tensor]
Change = Callable[[State], State]


def file_of(path: Path, backbone: str, change: Any = dict) -> Weights:
    """A weights file of a randomly initialized model, its table passed through `change`."""
    import timm

    torch.manual_seed(3)
    state = change(timm.create_model(backbone).state_dict())
    save_file(state, path / "w.safetensors")
    return find_weights(backbone, path / "w.safetensors")


def test_the_embedded_weights_match_the_model_in_order_and_shape():
    import timm

    weights = find_weights(EMBEDDED_BACKBONE)
    assert weights.file is not None
    wanted = {
        name: tensor.shape
        for name, tensor in timm.create_model(EMBEDDED_BACKBONE).state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    given = read_weights(weights.file)
    kept = [name for name in given if not name.endswith("num_batches_tracked")]
    assert [given[name].shape for name in kept] == list(wanted.values())
    # Loading is strict: every tensor of the truncated model is the one in its place in the file.
    model = load_model(a_spec(EMBEDDED_BACKBONE), weights)
    place = {name: given[kept[index]] for index, name in enumerate(wanted)}
    loaded = [name for name in model.state_dict() if not name.endswith("num_batches_tracked")]
    assert len(loaded) > 100
    for name in loaded:
        assert torch.equal(model.state_dict()[name], place[name]), name


def test_the_embedded_backbone_gives_152_values_a_patch_at_stride_8():
    extractor = load_extractor(a_spec(EMBEDDED_BACKBONE), find_weights(EMBEDDED_BACKBONE), CPU)
    patches = extractor.extract(some_images(2))
    assert patches.shape == (2, 64, 152)
    assert patches.dtype == torch.float16
    assert extractor.mean.flatten().tolist() == [0.5, 0.5, 0.5]
    assert extractor.std.flatten().tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("backbone", ["test_resnet", "test_mambaout"])
def test_maps_of_stride_8_and_16_become_patches_whether_channels_come_first_or_last(backbone):
    import timm

    extractor = load_extractor(a_spec(backbone, dtype="float32"), RANDOM, CPU)
    full: Any = timm.create_model(backbone, features_only=True)
    info = zip(full.feature_info.reduction(), full.feature_info.channels(), strict=True)
    channels = dict(info)
    patches = extractor.extract(some_images())
    assert patches.shape == (3, 64, channels[8] + channels[16])


def test_the_published_embedding_has_its_own_length_whatever_the_layers():
    spec = a_spec("test_resnet", "official")
    assert load_extractor(spec, RANDOM, CPU).extract(some_images(1)).shape == (1, 64, 1024)


def test_random_weights_depend_on_the_seed_alone_and_leave_the_global_generator_alone():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    spec = a_spec("test_efficientnet")
    first = load_extractor(spec, RANDOM, CPU).extract(some_images())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(8)
    assert torch.equal(load_extractor(spec, RANDOM, CPU).extract(some_images()), first)
    other = load_extractor(spec, Weights("random:1", seed=1), CPU).extract(some_images())
    assert not torch.equal(other, first)


def test_more_images_than_one_pass_takes_give_the_patches_of_each(monkeypatch):
    extractor = load_extractor(a_spec("test_resnet", dtype="float32"), RANDOM, CPU)
    whole = extractor.extract(some_images(5))
    monkeypatch.setattr("cadbench.benchmark.features.extractor.MICRO_BATCH", 2)
    torch.testing.assert_close(extractor.extract(some_images(5)), whole, rtol=1e-4, atol=1e-5)


def test_pixels_are_scaled_to_one_and_normalized():
    mean, std = torch.tensor([0.5, 0.25, 0.0]), torch.tensor([0.5, 0.5, 1.0])
    spec = a_spec("none", embedding_params={"pool": 1}, dtype="float32")
    model: Any = lambda images: [images]  # noqa: E731
    shape = (1, 3, 1, 1)
    extractor = Extractor(spec, model, CPU, mean.view(shape), std.view(shape))
    pixels = some_images(2)
    wanted = (pixels / 255 - mean.view(shape)) / std.view(shape)
    patches = extractor.extract(pixels)
    torch.testing.assert_close(patches, wanted.flatten(2).transpose(1, 2))


def test_convolutions_are_not_rounded_to_tf32_while_features_are_extracted():
    allowed: list[bool] = []

    def model(images: torch.Tensor) -> list[torch.Tensor]:
        allowed.append(torch.backends.cudnn.allow_tf32)
        return [images]

    before = torch.backends.cudnn.allow_tf32
    half = torch.full((1, 3, 1, 1), 0.5)
    spec = a_spec("none", embedding_params={"pool": 1})
    Extractor(spec, model, CPU, half, half).extract(some_images(1))  # type: ignore[arg-type]
    assert allowed == [False]
    assert torch.backends.cudnn.allow_tf32 == before


def _prefixed(prefix: str) -> Change:
    return lambda state: {f"{prefix}{name}": tensor for name, tensor in state.items()}


def _shuffled(state: State) -> State:
    return dict(sorted(state.items(), key=lambda pair: pair[0][::-1]))


def _headless(state: State) -> State:
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


def _other_head(state: State) -> State:
    return {**state, "fc.weight": torch.ones(7, 64), "fc.bias": torch.ones(7)}


def _other_stages(state: State) -> State:
    """Other names of the layers, with the same numbers and last words, in another order."""
    renamed = {name.replace("layer", "stage"): tensor for name, tensor in state.items()}
    return _shuffled(renamed)


@pytest.mark.parametrize(
    "change",
    [
        *(_prefixed(each) for each in ("", "module.", "backbone.", "module.backbone.", "a.b.c.")),
        *(_shuffled, _headless, _other_head, _other_stages),
        lambda state: {**_prefixed("backbone.")(_headless(state)), "head.weight": torch.ones(3)},
        lambda state: {n: t for n, t in state.items() if not n.endswith("num_batches_tracked")},
    ],
)
def test_tensors_are_found_by_name_wherever_they_are_in_the_file(tmp_path, change):
    import timm

    weights = file_of(tmp_path, "test_resnet", change)
    torch.manual_seed(3)
    state = timm.create_model("test_resnet").state_dict()
    model = load_model(a_spec("test_resnet"), weights)
    for name, tensor in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(tensor, state[name]), name


def _numbered(state: State) -> State:
    return {f"{number:04d}": tensor for number, tensor in enumerate(state.values())}


def _swapped(state: State) -> State:
    """Renamed, and two tensors of one shape exchanged: their place says nothing."""
    names = list(state)
    one, other = (names.index(f"layer2.0.bn1.{kind}") for kind in ("weight", "bias"))
    names[one], names[other] = names[other], names[one]
    return {f"x.{place:04d}": state[name] for place, name in enumerate(names)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_numbered, "'0000' and the other names are not those of the model"),
        (_swapped, "are not those of the model, such as 'conv1.0.weight'; rename"),
        (
            lambda state: {n: t for n, t in state.items() if not n.startswith("layer2.0.conv1")},
            "it lacks 1 tensor of the model, such as layer2.0.conv1.weight",
        ),
        (
            lambda state: {n: t * float("nan") if "bn" in n else t for n, t in state.items()},
            "NaN or infinite values in",
        ),
        (
            lambda state: {
                f"{model}.{name}": tensor.clone()
                for model in ("student", "teacher")
                for name, tensor in state.items()
            },
            "holds test_resnet twice, below 'student.' and 'teacher.'",
        ),
    ],
)
def test_tensors_that_cannot_be_matched_are_one_line(tmp_path, change, words):
    weights = file_of(tmp_path, "test_resnet", change)
    with pytest.raises(CadbenchError, match=re.escape(words)) as refused:
        load_model(a_spec("test_resnet"), weights)
    assert "\n" not in str(refused.value)


def test_weights_of_another_model_are_one_line(tmp_path):
    weights = file_of(tmp_path, "test_efficientnet")
    with pytest.raises(CadbenchError, match="weights file does not fit test_resnet: ") as refused:
        load_extractor(a_spec("test_resnet"), weights, CPU)
    assert "\n" not in str(refused.value)


def test_weights_of_another_shape_under_the_right_names_are_one_line(tmp_path):
    def widened(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {n: torch.cat([t, t]) if n == "conv1.0.weight" else t for n, t in state.items()}

    weights = file_of(tmp_path, "test_resnet", widened)
    with pytest.raises(
        CadbenchError, match=r"conv1.0.weight has the shape \(32, 3, 3, 3\) instead of"
    ) as refused:
        load_extractor(a_spec("test_resnet"), weights, CPU)
    assert "\n" not in str(refused.value)


def test_an_unknown_model_gets_a_suggestion():
    with pytest.raises(UsageError, match=r"no model 'test_resnt' \(did you mean test_resnet\?\)"):
        load_extractor(a_spec("test_resnt"), RANDOM, CPU)


@pytest.mark.parametrize("backbone", ["test_maxvit", "test_coatnet"])
def test_a_model_that_does_not_take_the_image_size_is_refused_with_the_reason(backbone):
    with pytest.raises(UsageError, match=r"images of 64 pixels: .* choose another --image-size"):
        load_extractor(a_spec(backbone), RANDOM, CPU)


def test_features_beyond_the_stored_type_are_refused():
    extractor = load_extractor(a_spec("test_resnet"), RANDOM, CPU)
    extractor.std /= 1e9
    with pytest.raises(CadbenchError, match="test_resnet leave the range of float16"):
        extractor.extract(some_images(1))


def test_embeddings_are_found_by_name_and_backbones_have_a_default():
    assert default_embedding("wide_resnet50_2") == "official"
    assert default_embedding(EMBEDDED_BACKBONE) == "concat"
    assert default_embedding("any_other") == "concat"
    assert embedding_params("official") == {"pool": 3, "layer_dim": 1024, "dim": 1024}
    with pytest.raises(UsageError, match=r"no embedding 'conact' \(did you mean concat\?\)"):
        embedding_params("conact")


def test_backbones_that_work_pass_the_check():
    for backbone in ("test_resnet", "test_efficientnet", "wide_resnet50_2", EMBEDDED_BACKBONE):
        check_backbone(backbone, (8, 16), 64)
