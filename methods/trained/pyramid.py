"""The networks of `stfpm`: a frozen teacher, a student, and how far apart their features are."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...benchmark.features.backbones import layer_maps

if TYPE_CHECKING:
    from ...benchmark.interface.services import Backbone

_STEM_STRIDE = 4
_WIDTH = 32
_REMEMBERED_BYTES = 2**30


class Teacher:
    """The frozen backbone, which remembers what it said of the images of an experience.

    It sees those one by one, so that its answer depends on nothing else, remembered or not.
    """

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self._said: dict[bytes, list[Tensor]] = {}
        self._bytes = 0

    def __deepcopy__(self, memo: Any) -> Teacher:
        return self  # LwF's old network has the same teacher

    def forget(self) -> None:
        """Drop all that is remembered."""
        self._said.clear()
        self._bytes = 0

    def targets(self, images: Tensor) -> list[Tensor]:
        """(B, C_i, h_i, w_i) of each layer, of length one along C_i."""
        said = [self._of(image) for image in images]
        return [torch.stack(layer) for layer in zip(*said, strict=True)]

    def _of(self, image: Tensor) -> list[Tensor]:
        name = hashlib.blake2b(image.cpu().contiguous().numpy().data, digest_size=16).digest()
        if name not in self._said:
            layers = [layer[0] for layer in unit(self.backbone.maps(image[None]))]
            if self._bytes > _REMEMBERED_BYTES:
                return layers
            self._said[name] = layers
            self._bytes += sum(layer.nbytes for layer in layers)
        return self._said[name]


class StudentTeacher(nn.Module):
    """A student that is trained and a teacher that is not, and is no part of the state."""

    def __init__(self, student: nn.Module, teacher: Teacher) -> None:
        super().__init__()
        self.student = student
        self.teacher = teacher

    def pairs(self, images: Tensor, *, remember: bool = True) -> tuple[list[Tensor], list[Tensor]]:
        """images (B, 3, H, W) -> each layer of the student and of the teacher, of length one."""
        backbone = self.teacher.backbone
        taught = self.teacher.targets(images) if remember else unit(backbone.maps(images))
        learned = layer_maps(self.student, backbone.normalized(images))
        sized = [
            layer if layer.shape[2:] == target.shape[2:] else _resized(layer, target.shape[2:])
            for layer, target in zip(learned, taught, strict=True)
        ]
        return unit(sized), taught

    def forward(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) -> errors (B, K), whose squares sum to the loss of the source.

        That is, over layers, the mean over places of half the squared distance.
        """
        errors = []
        for learned, taught in zip(*self.pairs(images), strict=True):
            places = taught.shape[2] * taught.shape[3]
            errors.append((learned - taught).flatten(1) / math.sqrt(2 * places))
        return torch.cat(errors, 1)


class SmallStudent(nn.Module):
    """A narrow network with the teacher's strides and channels: a fortieth of its work.

    channels, strides: of the layers that are matched, finest first.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        self.stem = _normed(nn.Conv2d(3, _WIDTH, _STEM_STRIDE, _STEM_STRIDE, bias=False))
        self.stages = nn.ModuleList()
        self.heads = nn.ModuleDict()
        stride, width = _STEM_STRIDE, _WIDTH
        for wanted, outputs in zip(strides, channels, strict=True):
            while stride < wanted:
                self.stages.append(_stage(width, 2 * width))
                stride, width = 2 * stride, 2 * width
            self.heads[str(len(self.stages))] = nn.Conv2d(width, outputs, 1)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, C_i, h_i, w_i) of each layer."""
        layers = []
        values = self.stem(images)
        for number, stage in enumerate(self.stages, 1):
            values = stage(values)
            if str(number) in self.heads:
                layers.append(self.heads[str(number)](values))
        return layers


def anomaly_maps(
    learned: Sequence[Tensor], taught: Sequence[Tensor], grid: tuple[int, int]
) -> Tensor:
    """(B, h, w): the geometric mean over layers of half the squared distance.

    The source multiplies the layers; the root orders alike, and stays within float16.
    """
    layers = []
    for mine, theirs in zip(learned, taught, strict=True):
        distance = (mine - theirs).square().sum(1, keepdim=True) / 2
        layers.append(_resized(distance, grid)[:, 0])
    return torch.stack(layers).prod(0).pow(1 / len(layers))


def unit(layers: Sequence[Tensor]) -> list[Tensor]:
    """Each (B, C, h, w) at length one along C."""
    return [functional.normalize(layer, dim=1) for layer in layers]


def _resized(layer: Tensor, size: Sequence[int]) -> Tensor:
    return functional.interpolate(layer, tuple(size), mode="bilinear", align_corners=False)


def _stage(inputs: int, outputs: int) -> nn.Module:
    """Half the size, by convolutions that are separable in depth."""
    return nn.Sequential(
        _normed(nn.Conv2d(inputs, inputs, 3, 2, 1, groups=inputs, bias=False)),
        _normed(nn.Conv2d(inputs, outputs, 1, bias=False)),
        _normed(nn.Conv2d(outputs, outputs, 3, 1, 1, groups=outputs, bias=False)),
        _normed(nn.Conv2d(outputs, outputs, 1, bias=False)),
    )


def _normed(convolution: nn.Conv2d) -> nn.Module:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU())
