"""Backbones as timm models: built, loaded with weights, and tried on an image."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ...results.errors import CadbenchError, UsageError
from .backbones import BACKBONE_DEFAULTS
from .weight_names import match_tensors, require_complete
from .weights import Weights, read_weights, require_model

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .feature_spec import FeatureSpec


def load_model(spec: FeatureSpec, weights: Weights) -> torch.nn.Module:
    """Build a backbone and load its weights; the model is frozen and returns a list of layers.

    Raises:
        UsageError: there is no such model, it has no layer of a requested stride, or it cannot take
            images of the requested size.
        CadbenchError: the weights do not fit the model.
    """
    import logging

    # timm warns about weights of the layers that are not built, which is intended here.
    logging.getLogger("timm.models._builder").setLevel(logging.ERROR)

    require_model(spec.backbone)
    options: dict[str, Any] = {"features_only": True}
    try:
        options["out_indices"] = _layer_indices(spec.backbone, spec.layers)
        if weights.file is None:
            model = _create_model(spec.backbone, weights.seed or 0, **options)
        else:
            full = _create_model(spec.backbone)
            expected = full.state_dict()
            head = _head_names(full, expected)
            state = match_tensors(spec.backbone, read_weights(weights.file), expected, head)
            model = _create_model(
                spec.backbone,
                pretrained=True,
                pretrained_cfg_overlay={"state_dict": dict(state)},
                **options,
            )
            require_complete(spec.backbone, model.state_dict(), state, head)
    except (RuntimeError, KeyError, AttributeError, IndexError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CadbenchError(
            f"backbone {spec.backbone} cannot be used with {weights.file or 'random weights'}: "
            f"{reason}"
        ) from error
    frozen: torch.nn.Module = model.eval().requires_grad_(False)
    _check_image_size(frozen, spec.backbone, spec.preprocessing.crop)
    return frozen


def check_backbone(backbone: str, strides: tuple[int, ...], size: int) -> None:
    """Refuse a backbone that `load_model` would refuse with any weights, without loading weights.

    Args:
        backbone: name of the timm model. Those in `BACKBONE_DEFAULTS` are known to work.
        strides: strides of the layers.
        size: side of the images in pixels.

    Raises:
        UsageError: there is no such model, it has no layer of a stride, or it cannot take images of
            this size.
    """
    if backbone in BACKBONE_DEFAULTS:
        return
    import torch

    require_model(backbone)
    try:
        with torch.device("meta"):  # computes shapes only
            indices = _layer_indices(backbone, strides)
            model = _create_model(backbone, features_only=True, out_indices=indices)
            _check_image_size(model.eval(), backbone, size)
    except (RuntimeError, KeyError, AttributeError, IndexError, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"backbone {backbone} cannot be used: {reason}; choose another") from error


def untrained_model(spec: FeatureSpec, seed: int) -> Any:
    """Build the layers of a backbone with random weights, ready to be trained."""
    indices = _layer_indices(spec.backbone, spec.layers)
    return _create_model(spec.backbone, seed, features_only=True, out_indices=indices)


def layer_maps(model: torch.nn.Module, images: Tensor) -> list[Tensor]:
    """Return the maps (B, C_i, h_i, w_i) of each layer, also of models with channels last."""
    maps: list[Tensor] = model(images)
    if getattr(model, "output_fmt", "NCHW") == "NHWC":
        return [layer.permute(0, 3, 1, 2) for layer in maps]
    return maps


def _create_model(backbone: str, seed: int = 0, **options: Any) -> Any:
    """Create a timm model; its random weights follow from the seed, not from a global generator."""
    import timm
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return timm.create_model(backbone, **options)


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


def _layer_indices(backbone: str, strides: tuple[int, ...]) -> tuple[int, ...]:
    """Return timm's index of the last layer of each stride.

    Raises:
        UsageError: the backbone has no such layer.
    """
    reductions = list(_create_model(backbone, features_only=True).feature_info.reduction())
    missing = [stride for stride in strides if stride not in reductions]
    if missing:
        raise UsageError(
            f"backbone {backbone} has no layer of stride {missing[0]} (it has {reductions}); "
            "choose another"
        )
    last = {stride: index for index, stride in enumerate(reductions)}
    return tuple(last[stride] for stride in strides)


def _head_names(model: torch.nn.Module, names: Collection[str]) -> frozenset[str]:
    """The names of a model's tensors that belong to its classifier."""
    config = getattr(model, "pretrained_cfg", None) or {}
    given = config.get("classifier") or ()
    classifiers = (given,) if isinstance(given, str) else tuple(given)
    return frozenset(
        name for name in names if any(name.startswith(f"{each}.") for each in classifiers)
    )
