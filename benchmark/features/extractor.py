"""Extraction: a frozen backbone turns preprocessed images into patch embeddings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...results.errors import CadbenchError
from .backbones import BACKBONE_DEFAULTS, IMAGENET_MEAN_STD
from .fusion import fold_batch_norms
from .timm_models import layer_maps, load_model
from .weights import Weights

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .feature_spec import FeatureSpec

MICRO_BATCH = 8
"""Images per forward pass on the CPU; the fastest of 8, 16 and 32 on two cores."""


@dataclass(eq=False)
class Extractor:
    """A backbone on a device. `extract` is a pure function of its images.

    Attributes:
        spec: the features to extract.
        model: the frozen layers.
        device: where the model runs.
        mean, std: (1, 3, 1, 1) normalization of pixel values in 0..1.
    """

    spec: FeatureSpec
    model: torch.nn.Module
    device: torch.device
    mean: Tensor = field(repr=False)
    std: Tensor = field(repr=False)

    def extract(self, pixels: Tensor) -> Tensor:
        """Extract patch embeddings.

        Args:
            pixels: (B, 3, H, H) uint8.

        Returns:
            (B, h * h, D) in the type of the spec, on the CPU.

        Raises:
            CadbenchError: a value is outside the range of that type.
        """
        import torch

        from .embedding import EMBEDDINGS

        step = MICRO_BATCH if self.device.type == "cpu" else len(pixels)
        embed = EMBEDDINGS[self.spec.embedding]
        parts = []
        # Deterministic convolutions in full float32: by default, cuDNN would round to TF32.
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
                parts.append(_to_host(patches))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def normalized(self, images: Tensor) -> Tensor:
        """Normalize images (B, 3, H, W) float32 in 0..1 for the model."""
        images = images.sub(self.mean).div_(self.std)
        return images.contiguous(memory_format=_memory_format(self.device))

    def maps(self, images: Tensor) -> list[Tensor]:
        """Return the maps (B, C_i, h_i, w_i) of each layer for normalized images."""
        return layer_maps(self.model, images)


def load_extractor(spec: FeatureSpec, weights: Weights, device: torch.device) -> Extractor:
    """Load a backbone to a device, with batch norms folded into convolutions."""
    import torch

    model = fold_batch_norms(load_model(spec, weights), _noise_image(spec.preprocessing.crop))
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


def _to_host(patches: Tensor) -> Tensor:
    """Copy to the CPU; from CUDA through page-locked memory, which is several times as fast."""
    import torch

    if patches.device.type == "cpu":
        return patches
    host = torch.empty(patches.shape, dtype=patches.dtype, pin_memory=True)
    host.copy_(patches, non_blocking=True)
    torch.cuda.current_stream(patches.device).synchronize()
    return host


def _memory_format(device: torch.device) -> torch.memory_format:
    """Channels last on the CPU, first on CUDA.

    On CUDA both are equally fast in float32, but with channels last, cuDNN takes seconds to prepare
    for every new batch size.
    """
    import torch

    return torch.channels_last if device.type == "cpu" else torch.contiguous_format


def _noise_image(size: int) -> Tensor:
    """One image (1, 3, size, size) of random values in the range of normalized pixels."""
    import torch

    return torch.randn((1, 3, size, size), generator=torch.Generator().manual_seed(0))


def _normalization(
    backbone: str, model: torch.nn.Module
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation per color channel."""
    defaults = BACKBONE_DEFAULTS.get(backbone)
    if defaults:
        return defaults.mean, defaults.std
    config = getattr(model, "pretrained_cfg", None) or {}
    mean, std = IMAGENET_MEAN_STD
    return tuple(config.get("mean", mean)), tuple(config.get("std", std))
