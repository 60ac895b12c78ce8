"""Frozen backbones: from preprocessed images to patch embeddings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...results.did_you_mean import suggestion
from ...results.errors import CadbenchError, UsageError
from .fusion import folded
from .weights import Weights, read_weights, require_model

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .spec import FeatureSpec

STRIDES = (8, 16)
"""The layers that every built-in configuration uses: a residual network's second and third."""

EMBEDDING_PARAMS: dict[str, dict[str, int]] = {
    "concat": {"pool": 3},
    "official": {"pool": 3, "layer_dim": 1024, "dim": 1024},
}
MICRO_BATCH = 8
"""Images in one forward pass on the CPU; eight were the fastest of 8, 16 and 32 on two cores."""


@dataclass(frozen=True)
class BackboneDefaults:
    """What a backbone is used with unless the user says otherwise."""

    embedding: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_KNOWN = {
    "tf_efficientnet_lite0": BackboneDefaults("concat", *_HALF),
    "wide_resnet50_2": BackboneDefaults("official", *_IMAGENET),
}


def default_embedding(backbone: str) -> str:
    """The embedding that a backbone is used with unless `--embedding` says otherwise."""
    known = _KNOWN.get(backbone)
    return known.embedding if known else "concat"


def embedding_params(embedding: str) -> dict[str, int]:
    """The parameters of an embedding, as they enter the key."""
    if embedding not in EMBEDDING_PARAMS:
        raise UsageError(
            f"no embedding {embedding!r}{suggestion(embedding, EMBEDDING_PARAMS)}; "
            f"known: {', '.join(EMBEDDING_PARAMS)}"
        )
    return EMBEDDING_PARAMS[embedding]


@dataclass(eq=False)
class Extractor:
    """A backbone ready to run on a device: `extract` is a pure function of its images."""

    spec: FeatureSpec
    model: torch.nn.Module
    device: torch.device
    mean: Tensor = field(repr=False)
    std: Tensor = field(repr=False)

    def extract(self, pixels: Tensor) -> Tensor:
        """Patch embeddings: pixels (B, 3, H, H) uint8 -> (B, h * h, D), spec's type, on the CPU."""
        import torch

        from .embedding import EMBEDDINGS

        step = MICRO_BATCH if self.device.type == "cpu" else len(pixels)
        embed = EMBEDDINGS[self.spec.embedding]
        parts = []
        # Convolutions in full float32, and the same ones each time: cuDNN would round to TF32.
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            for batch in pixels.split(step):
                images = batch.to(self.device, non_blocking=True).float().div_(255)
                maps = self.maps(self.normalized(images))
                patches = embed(maps, **self.spec.embedding_params)
                patches = patches.to(getattr(torch, self.spec.dtype))
                if not torch.isfinite(patches).all():
                    raise CadbenchError(
                        f"features of {self.spec.backbone} leave the range of {self.spec.dtype}; "
                        "these weights cannot be used with this preprocessing"
                    )
                parts.append(patches.cpu())
        return torch.cat(parts)

    def normalized(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) float32 in 0..1 on the device -> as the model wants them."""
        images = images.sub(self.mean).div_(self.std)
        return images.contiguous(memory_format=_memory_format(self.device))

    def maps(self, images: Tensor) -> list[Tensor]:
        """(B, C_i, h_i, w_i) of each layer, of normalized images."""
        return layer_maps(self.model, images)


def layer_maps(model: torch.nn.Module, images: Tensor) -> list[Tensor]:
    """(B, C_i, h_i, w_i) of each layer, also from models that put the channels last."""
    maps: list[Tensor] = model(images)
    if getattr(model, "output_fmt", "NCHW") == "NHWC":
        return [layer.permute(0, 3, 1, 2) for layer in maps]
    return maps


def load_extractor(spec: FeatureSpec, weights: Weights, device: torch.device) -> Extractor:
    """The backbone ready to run on a device, its batch norms folded into its convolutions."""
    import torch

    model = folded(load_model(spec, weights), _noise(spec.preprocessing.crop))
    model = model.to(device).to(memory_format=_memory_format(device))
    mean, std = _normalization(spec.backbone, model)
    shape = (1, 3, 1, 1)
    return Extractor(
        spec,
        model,
        device,
        torch.tensor(mean, device=device).view(shape),
        torch.tensor(std, device=device).view(shape),
    )


def _memory_format(device: torch.device) -> torch.memory_format:
    """Channels last on the CPU; on CUDA first, in float32 as fast, since cuDNN would prepare itself
    for seconds, for each number of images anew."""
    import torch

    return torch.channels_last if device.type == "cpu" else torch.contiguous_format


def load_model(spec: FeatureSpec, weights: Weights) -> torch.nn.Module:
    """Build the backbone, load its weights strictly and see that it takes images of the size."""
    import logging

    # timm warns of the weights of the layers that are left out, which is intended here.
    logging.getLogger("timm.models._builder").setLevel(logging.ERROR)

    require_model(spec.backbone)
    options: dict[str, Any] = {"features_only": True}
    try:
        options["out_indices"] = _indices_of(spec.backbone, spec.layers)
        if weights.file is None:
            model = _created(spec.backbone, weights.seed or 0, **options)
        else:
            state = _in_timm_names(spec.backbone, read_weights(weights.file))
            overlay = {"state_dict": state}
            model = _created(
                spec.backbone, pretrained=True, pretrained_cfg_overlay=overlay, **options
            )
    except (RuntimeError, KeyError, AttributeError, IndexError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CadbenchError(
            f"backbone {spec.backbone} cannot be used with {weights.file or 'random weights'}: "
            f"{reason}"
        ) from error
    frozen: torch.nn.Module = model.eval().requires_grad_(False)
    _try_out(frozen, spec)
    return frozen


def untrained_model(spec: FeatureSpec, seed: int) -> Any:
    """The backbone's layers with random weights that follow from the seed, ready to be trained."""
    indices = _indices_of(spec.backbone, spec.layers)
    return _created(spec.backbone, seed, features_only=True, out_indices=indices)


def _created(backbone: str, seed: int = 0, **options: Any) -> Any:
    """A timm model whose random weights follow from the seed; no global generator is touched."""
    import timm
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return timm.create_model(backbone, **options)


def _try_out(model: torch.nn.Module, spec: FeatureSpec) -> None:
    """Refuse a size that the model cannot take, before any image is read."""
    import torch

    size = spec.preprocessing.crop
    try:
        with torch.inference_mode():
            model(torch.zeros(1, 3, size, size))
    except (AssertionError, RuntimeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise UsageError(
            f"backbone {spec.backbone} cannot be used with images of {size} pixels: {reason}; "
            "choose another --image-size"
        ) from error


def _noise(size: int) -> Tensor:
    """One image (1, 3, size, size) of values such as normalized pixels have."""
    import torch

    return torch.randn((1, 3, size, size), generator=torch.Generator().manual_seed(0))


def _indices_of(backbone: str, strides: tuple[int, ...]) -> tuple[int, ...]:
    """timm's indices of the last layers of these strides; raises `UsageError` where it has none."""
    reductions = list(_created(backbone, features_only=True).feature_info.reduction())
    missing = [stride for stride in strides if stride not in reductions]
    if missing:
        raise UsageError(
            f"backbone {backbone} has no layer of stride {missing[0]} (it has {reductions}); "
            "choose another"
        )
    last = {stride: index for index, stride in enumerate(reductions)}
    return tuple(last[stride] for stride in strides)


def _in_timm_names(backbone: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights under timm's names: unchanged, or matched in order where every shape agrees."""
    full = _created(backbone).state_dict()
    wanted = [name for name in full if not name.endswith("num_batches_tracked")]
    given = {n: t for n, t in state.items() if not n.endswith("num_batches_tracked")}
    if set(wanted) == set(given):
        return state
    shapes_agree = len(wanted) == len(given) and all(
        full[name].shape == tensor.shape
        for name, tensor in zip(wanted, given.values(), strict=True)
    )
    if not shapes_agree:
        raise CadbenchError(
            f"the weights file does not fit {backbone}: {len(given)} tensors where {len(wanted)} "
            "are expected, or of other shapes"
        )
    renamed = dict(zip(wanted, given.values(), strict=True))
    return {name: renamed.get(name, tensor) for name, tensor in full.items()}


def _normalization(
    backbone: str, model: torch.nn.Module
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    known = _KNOWN.get(backbone)
    if known:
        return known.mean, known.std
    config = getattr(model, "pretrained_cfg", None) or {}
    return tuple(config.get("mean", _IMAGENET[0])), tuple(config.get("std", _IMAGENET[1]))
