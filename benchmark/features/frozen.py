"""The study's backbone for methods that look at images: frozen, and as an untrained twin."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .spec import FeatureSpec
    from .weights import Weights


@dataclass(frozen=True, eq=False)
class FrozenBackbone:
    """The layers that patch embeddings are made of, as maps; nothing here can be trained.

    channels, strides: C_i and the stride of each layer, finest first.
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    _normalized: Callable[[Tensor], Tensor]
    _maps: Callable[[Tensor], list[Tensor]]
    _untrained: Callable[[int], torch.nn.Module]

    def normalized(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W), uint8 or float32 in 0..1 -> what the backbone takes, float32."""
        import torch

        images = images.float() / 255 if images.dtype == torch.uint8 else images
        return self._normalized(images)

    def maps(self, images: Tensor) -> list[Tensor]:
        """(B, C_i, h_i, w_i) of each layer, without gradients; images as for `normalized`."""
        import torch

        # Convolutions as features are extracted with: full float32, and the same ones each time.
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with torch.no_grad(), exact:
            return self._maps(self.normalized(images))

    def untrained(self, seed: int) -> torch.nn.Module:
        """A network of the same architecture with random weights, to be trained.

        It takes normalized images and gives the list of maps.
        """
        return self._untrained(seed)


@functools.lru_cache(maxsize=1)
def load_frozen(spec: FeatureSpec, weights: Weights, device: torch.device) -> FrozenBackbone:
    """The backbone of these features, loaded once for all cells that ask for it."""
    from .backbones import load_extractor, untrained_model

    extractor = load_extractor(spec, weights, device)
    layers = untrained_model(spec, 0).feature_info
    return FrozenBackbone(
        tuple(layers.channels()),
        tuple(layers.reduction()),
        extractor.normalized,
        extractor.maps,
        lambda seed: untrained_model(spec, seed).to(device),
    )
