"""The networks of `stfpm`: a frozen teacher, a student, and the distance of their features."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...benchmark.features.timm_models import layer_maps

if TYPE_CHECKING:
    from ...benchmark.interface.services import Backbone

_STEM_STRIDE = 4
_WIDTH = 32
_CACHE_BYTES = 2**30


class Teacher:
    """The frozen backbone, with a cache of its features of the images of an experience.

    It processes those images one by one, so that features do not depend on the rest of the batch.
    """

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self._cache: dict[bytes, list[Tensor]] = {}
        self._bytes = 0

    def __deepcopy__(self, memo: Any) -> Teacher:
        return self  # the old network of LwF shares the teacher

    def clear(self) -> None:
        """Empty the cache."""
        self._cache.clear()
        self._bytes = 0

    def targets(self, images: Tensor) -> list[Tensor]:
        """Features (B, C_i, h_i, w_i) of each layer, normalized along C_i."""
        features = [self._features(image) for image in images]
        return [torch.stack(layer) for layer in zip(*features, strict=True)]

    def _features(self, image: Tensor) -> list[Tensor]:
        key = hashlib.blake2b(image.cpu().contiguous().numpy().data, digest_size=16).digest()
        if key not in self._cache:
            layers = [layer[0] for layer in normalize_layers(self.backbone.maps(image[None]))]
            if self._bytes > _CACHE_BYTES:
                return layers
            self._cache[key] = layers
            self._bytes += sum(layer.nbytes for layer in layers)
        return self._cache[key]


class StudentTeacher(nn.Module):
    """A trainable student and a frozen teacher, which is not part of the state."""

    def __init__(self, student: nn.Module, teacher: Teacher) -> None:
        super().__init__()
        self.student = student
        self.teacher = teacher

    def pairs(self, images: Tensor, *, cached: bool = True) -> tuple[list[Tensor], list[Tensor]]:
        """Features of the student and of the teacher, normalized along the channels.

        Args:
            images: (B, 3, H, W).
            cached: use the cache of the teacher.

        Returns:
            Two lists with (B, C_i, h_i, w_i) per layer.
        """
        backbone = self.teacher.backbone
        teacher = (
            self.teacher.targets(images) if cached else normalize_layers(backbone.maps(images))
        )
        student = layer_maps(self.student, backbone.normalized(images))
        resized = [
            layer if layer.shape[2:] == target.shape[2:] else _resize(layer, target.shape[2:])
            for layer, target in zip(student, teacher, strict=True)
        ]
        return normalize_layers(resized), teacher

    def forward(self, images: Tensor) -> Tensor:
        """Errors (B, K) of images (B, 3, H, W); their squares sum to the loss of the source.

        The loss is the sum over layers of the mean over positions of half the squared distance.
        """
        errors = []
        for student, teacher in zip(*self.pairs(images), strict=True):
            places = teacher.shape[2] * teacher.shape[3]
            errors.append((student - teacher).flatten(1) / math.sqrt(2 * places))
        return torch.cat(errors, 1)


class SmallStudent(nn.Module):
    """A narrow network with the strides and output channels of the teacher, 40 times cheaper."""

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        """Create the layers.

        Args:
            channels: output channels of each matched layer, finest layer first.
            strides: stride of each of these layers.
        """
        super().__init__()
        self.stem = _with_batch_norm(nn.Conv2d(3, _WIDTH, _STEM_STRIDE, _STEM_STRIDE, bias=False))
        self.stages = nn.ModuleList()
        self.heads = nn.ModuleDict()
        stride, width = _STEM_STRIDE, _WIDTH
        for target, outputs in zip(strides, channels, strict=True):
            while stride < target:
                self.stages.append(_stage(width, 2 * width))
                stride, width = 2 * stride, 2 * width
            self.heads[str(len(self.stages))] = nn.Conv2d(width, outputs, 1)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Features (B, C_i, h_i, w_i) of each layer, of normalized images (B, 3, H, W)."""
        layers = []
        values = self.stem(images)
        for number, stage in enumerate(self.stages, 1):
            values = stage(values)
            if str(number) in self.heads:
                layers.append(self.heads[str(number)](values))
        return layers


def anomaly_maps(
    student: Sequence[Tensor], teacher: Sequence[Tensor], grid: tuple[int, int]
) -> Tensor:
    """The geometric mean over layers of half the squared distance of the features.

    The source takes the product. The geometric mean gives the same order and fits into float16.

    Args:
        student: (B, C_i, h_i, w_i) per layer, normalized.
        teacher: the same of the teacher.
        grid: (h, w) of the maps.

    Returns:
        (B, h, w) anomaly maps.
    """
    layers = []
    for learned, target in zip(student, teacher, strict=True):
        distance = (learned - target).square().sum(1, keepdim=True) / 2
        layers.append(_resize(distance, grid)[:, 0])
    return torch.stack(layers).prod(0).pow(1 / len(layers))


def normalize_layers(layers: Sequence[Tensor]) -> list[Tensor]:
    """Scale the vectors along C of each layer (B, C, h, w) to length 1."""
    return [functional.normalize(layer, dim=1) for layer in layers]


def _resize(layer: Tensor, size: Sequence[int]) -> Tensor:
    return functional.interpolate(layer, tuple(size), mode="bilinear", align_corners=False)


def _stage(inputs: int, outputs: int) -> nn.Module:
    """Depthwise separable convolutions that halve the resolution."""
    return nn.Sequential(
        _with_batch_norm(nn.Conv2d(inputs, inputs, 3, 2, 1, groups=inputs, bias=False)),
        _with_batch_norm(nn.Conv2d(inputs, outputs, 1, bias=False)),
        _with_batch_norm(nn.Conv2d(outputs, outputs, 3, 1, 1, groups=outputs, bias=False)),
        _with_batch_norm(nn.Conv2d(outputs, outputs, 1, bias=False)),
    )


def _with_batch_norm(convolution: nn.Conv2d) -> nn.Module:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU())
