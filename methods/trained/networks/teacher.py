"""The frozen backbone as a teacher, with a cache of its features of the images of an experience."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from ....benchmark.interface.services import Backbone

_CACHE_BYTES = 2**30


class Teacher:
    """The frozen backbone of the run; it is not trained and not part of a network's state.

    It processes images one by one, so that features do not depend on the rest of the batch.
    """

    def __init__(self, backbone: Backbone, *, normalize: bool) -> None:
        """Make a teacher with an empty cache.

        Args:
            backbone: gives the feature maps.
            normalize: scale the vectors along the channels to length 1.
        """
        self.backbone = backbone
        self.normalize = normalize
        self._cache: dict[bytes, list[Tensor]] = {}
        self._bytes = 0
        self._sizes: dict[torch.Size, list[torch.Size]] = {}

    def __deepcopy__(self, memo: Any) -> Teacher:
        return self  # copies of a network share the teacher

    def clear(self) -> None:
        """Empty the cache."""
        self._cache.clear()
        self._bytes = 0

    def maps(self, images: Tensor) -> list[Tensor]:
        """Features (B, C_i, h_i, w_i) of each layer, computed as one batch and not cached."""
        with torch.autocast(images.device.type, enabled=False):
            layers = self.backbone.maps(images)
        return normalize_layers(layers) if self.normalize else layers

    def targets(self, images: Tensor) -> list[Tensor]:
        """Features (B, C_i, h_i, w_i) of each layer, cached."""
        features = [self._features(image) for image in images]
        return [torch.stack(layer) for layer in zip(*features, strict=True)]

    def sizes(self, images: Tensor) -> list[torch.Size]:
        """(h_i, w_i) of each layer for images (B, 3, H, W)."""
        size = images.shape[2:]
        if size not in self._sizes:
            self._sizes[size] = [layer.shape[2:] for layer in self.backbone.maps(images[:1])]
        return self._sizes[size]

    def _features(self, image: Tensor) -> list[Tensor]:
        key = hashlib.blake2b(image.cpu().contiguous().numpy().data, digest_size=16).digest()
        if key not in self._cache:
            layers = [layer[0] for layer in self.maps(image[None])]
            if self._bytes > _CACHE_BYTES:
                return layers
            self._cache[key] = layers
            self._bytes += sum(layer.nbytes for layer in layers)
        return self._cache[key]


def normalize_layers(layers: Sequence[Tensor]) -> list[Tensor]:
    """Scale the vectors along C of each layer (B, C, h, w) to length 1."""
    return [functional.normalize(layer, dim=1) for layer in layers]
