"""The backbone that methods on images receive: frozen layers, or a copy to train."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .feature_spec import FeatureSpec
    from .weights import Weights


@dataclass(frozen=True, eq=False)
class FrozenBackbone:
    """The layers that patch embeddings are made of; implements `interface.services.Backbone`.

    Attributes:
        channels: number of channels of each layer, finest layer first.
        strides: stride of each layer.
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    _normalized: Callable[[Tensor], Tensor]
    _maps: Callable[[Tensor], list[Tensor]]
    _untrained: Callable[[int], torch.nn.Module]
    _network: torch.nn.Module

    def normalized(self, images: Tensor) -> Tensor:
        """Normalize images (B, 3, H, W), uint8 or float32 in 0..1, for the backbone: float32."""
        import torch

        images = images.float() / 255 if images.dtype == torch.uint8 else images
        return self._normalized(images)

    def maps(self, images: Tensor) -> list[Tensor]:
        """Return the maps (B, C_i, h_i, w_i) of each layer, without gradients.

        Images are as for `normalized`.
        """
        import torch

        # The same setting as in extraction: deterministic convolutions in full float32.
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with torch.no_grad(), exact:
            return self._maps(self.normalized(images))

    def prefix_shape(self, length: int) -> tuple[int, int, int, int]:
        """Return the shape (blocks, 2, length, D) of the prefixes that `prompted_maps` takes.

        Raises:
            UsageError: the backbone is no vision transformer.
        """
        from .networks.prefixes import prefix_shape

        return prefix_shape(self._network, length)

    def prompted_maps(self, images: Tensor, prefixes: Tensor | None) -> list[Tensor]:
        """Return the maps of each layer when blocks also attend to prefixes.

        Args:
            images: as for `normalized`.
            prefixes: (blocks, 2, L, D) key and value vectors per block, which receive gradients;
                None gives the maps without prefixes.

        Raises:
            UsageError: the backbone is no vision transformer.
        """
        import torch

        from .networks.prefixes import with_prefixes

        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with exact, with_prefixes(self._network, prefixes):
            return self._maps(self.normalized(images))

    def untrained(self, seed: int) -> torch.nn.Module:
        """Return a trainable network of the same architecture with random weights.

        It takes normalized images and returns the list of maps.
        """
        return self._untrained(seed)

    def trainable_copy(self) -> torch.nn.Module:
        """Return a copy of the network with its weights, which receive gradients.

        It takes normalized images and returns the list of maps, in evaluation mode.
        """
        return copy.deepcopy(self._network).requires_grad_(True)


@functools.lru_cache(maxsize=1)
def load_frozen(spec: FeatureSpec, weights: Weights, device: torch.device) -> FrozenBackbone:
    """Load the backbone of these features; it is cached for the cells that follow."""
    from .extractor import load_extractor
    from .timm_models import untrained_model

    extractor = load_extractor(spec, weights, device)
    layers = untrained_model(spec, 0).feature_info
    return FrozenBackbone(
        tuple(layers.channels()),
        tuple(layers.reduction()),
        extractor.normalized,
        extractor.maps,
        lambda seed: untrained_model(spec, seed).to(device),
        extractor.model,
    )
