"""Backbones as timm models: built, loaded with weights, and tried on an image."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...results.errors import CadbenchError, UsageError
from .backbones import BACKBONE_DEFAULTS, STRIDES
from .networks.checkpoints import converted_tensors
from .networks.creation import create_model, unusable
from .networks.layers import Layer, layer_options
from .networks.prefixes import prefix_shape
from .weight_names import match_tensors, require_complete, without_prefix
from .weights import Weights, read_weights

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .feature_spec import FeatureSpec


def load_model(spec: FeatureSpec, weights: Weights) -> torch.nn.Module:
    """Build a backbone and load its weights; the model is frozen and returns a list of layers.

    Raises:
        UsageError: there is no such model, it lacks a layer, or it cannot take images of the
            requested size.
        CadbenchError: the weights do not fit the model.
    """
    import logging

    # timm warns about weights of the layers that are not built, which is intended here.
    logging.getLogger("timm.models._builder").setLevel(logging.ERROR)

    try:
        options = layer_options(spec.backbone, spec.layers, spec.preprocessing.crop)
        if weights.file is None:
            model = create_model(spec.backbone, weights.seed or 0, **options)
        elif "img_size" in options:
            model = _load_transformer(spec.backbone, weights.file, options)
        else:
            model = _load_convolutional(spec.backbone, weights.file, options)
    except (RuntimeError, KeyError, AttributeError, IndexError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CadbenchError(
            f"backbone {spec.backbone} cannot be used with {weights.file or 'random weights'}: "
            f"{reason}"
        ) from error
    frozen: torch.nn.Module = model.eval().requires_grad_(False)
    _check_image_size(frozen, spec.backbone, spec.preprocessing.crop)
    return frozen


def _load_convolutional(backbone: str, file: Path, options: dict[str, Any]) -> Any:
    full = create_model(backbone)
    expected = full.state_dict()
    head = _head_names(full, expected)
    state = match_tensors(backbone, read_weights(file), expected, head)
    overlay = {"state_dict": dict(state)}
    model = create_model(backbone, pretrained=True, pretrained_cfg_overlay=overlay, **options)
    require_complete(backbone, model.state_dict(), state, head)
    return model


def _load_transformer(backbone: str, file: Path, options: dict[str, Any]) -> Any:
    full = create_model(backbone, img_size=options["img_size"])
    expected = full.state_dict()
    head = _head_names(full, expected)
    given = without_prefix(backbone, read_weights(file), expected)
    converted = converted_tensors(backbone, given, full)
    state = match_tensors(backbone, converted, expected, head)
    model = create_model(backbone, **options)
    # The network below `model` has only the blocks that are used.
    used = model.model.state_dict()
    model.model.load_state_dict({name: state[name] for name in used})
    require_complete(backbone, used, state, head)
    return model


def check_backbone(
    backbone: str, layers: Sequence[Layer], size: int, *, prompts: bool = False
) -> None:
    """Refuse a backbone that `load_model` would refuse with any weights, without loading weights.

    Args:
        backbone: name of the timm model. Those in `BACKBONE_DEFAULTS` are known to work.
        layers: its layers.
        size: side of the images in pixels.
        prompts: whether it also has to take prompts.

    Raises:
        UsageError: there is no such model, it lacks a layer, it cannot take images of this size, or
            it takes no prompts.
    """
    if backbone in BACKBONE_DEFAULTS and layers == STRIDES and not prompts:
        return
    import torch

    try:
        options = layer_options(backbone, layers, size)
        with torch.device("meta"):  # computes shapes only
            model = create_model(backbone, **options)
            _check_image_size(model.eval(), backbone, size)
        if prompts:
            prefix_shape(model, 1)
    except (RuntimeError, KeyError, AttributeError, IndexError, NotImplementedError) as error:
        raise unusable(backbone, error) from error


def untrained_model(spec: FeatureSpec, seed: int) -> Any:
    """Build the layers of a backbone with random weights, ready to be trained."""
    options = layer_options(spec.backbone, spec.layers, spec.preprocessing.crop)
    return create_model(spec.backbone, seed, **options)


def layer_maps(model: torch.nn.Module, images: Tensor) -> list[Tensor]:
    """Return the maps (B, C_i, h_i, w_i) of each layer, also of models with channels last."""
    maps: list[Tensor] = model(images)
    if getattr(model, "output_fmt", "NCHW") == "NHWC":
        return [layer.permute(0, 3, 1, 2) for layer in maps]
    return maps


def _check_image_size(model: torch.nn.Module, backbone: str, size: int) -> None:
    """Raise `UsageError` if the model cannot take images of this size, before any is read."""
    import torch

    try:
        with torch.inference_mode():
            model(torch.zeros(1, 3, size, size))
    except (AssertionError, RuntimeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise UsageError(
            f"backbone {backbone} cannot be used with images of {size} pixels: {reason}; "
            "choose another --image-size"
        ) from error


def _head_names(model: torch.nn.Module, names: Collection[str]) -> frozenset[str]:
    """The names of a model's tensors that belong to its classifier."""
    config = getattr(model, "pretrained_cfg", None) or {}
    given = config.get("classifier") or ()
    classifiers = (given,) if isinstance(given, str) else tuple(given)
    return frozenset(
        name for name in names if any(name.startswith(f"{each}.") for each in classifiers)
    )
