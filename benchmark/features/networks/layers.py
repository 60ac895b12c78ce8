"""Which layers of a network become patch embeddings: strides, names, or blocks of transformers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from ....results.counts import format_count
from ....results.did_you_mean import suggestion
from ....results.errors import UsageError
from ..backbones import BACKBONE_DEFAULTS, STRIDES
from .creation import NetworkLayers, network_layers

Layer: TypeAlias = "int | str"
"""A stride such as 8, a block such as `block:5`, or timm's name of a layer, such as `layer2`."""

_BLOCK = re.compile(r"block:(0|[1-9]\d*)")


def parse_layers(given: Iterable[object]) -> tuple[Layer, ...]:
    """Return layers in the order of the network, as far as their names say it.

    Args:
        given: strides as numbers or texts, blocks, names.

    Raises:
        ValueError: a layer is malformed or listed twice.
    """
    layers: list[Layer] = []
    for each in given:
        text = str(each).strip()
        is_stride = type(each) in (int, str) and re.fullmatch(r"[1-9]\d*", text) is not None
        is_name = isinstance(each, str) and re.fullmatch(r"[A-Za-z_][\w.]*", text) is not None
        if not (is_stride or is_name or (isinstance(each, str) and _BLOCK.fullmatch(text))):
            raise ValueError(
                f"expected strides such as 8,16, blocks such as block:5 or names of layers such "
                f"as layer2, got {each!r}"
            )
        layers.append(int(text) if is_stride else text)
        if layers[-1] in layers[:-1]:
            raise ValueError(f"{text} is listed twice")
    if not layers:
        raise ValueError("the list is empty; give at least one layer, such as 8 or block:5")
    return tuple(sorted(layers, key=_place))


def default_layers(backbone: str) -> tuple[Layer, ...]:
    """Return the layers of a backbone if the user does not choose any with `--layers`.

    They are the strides 8 and 16, or the last block of the first half of a transformer.
    """
    if backbone in BACKBONE_DEFAULTS:
        return STRIDES
    blocks = network_layers(backbone).blocks
    return STRIDES if blocks is None else (f"block:{max(0, blocks // 2 - 1)}",)


def layer_options(backbone: str, layers: Sequence[Layer], size: int) -> dict[str, Any]:
    """Return the options with which timm creates a network that returns these layers.

    Args:
        backbone: name of the timm model.
        layers: the layers.
        size: side of the images in pixels.

    Raises:
        UsageError: the backbone lacks a layer, or cannot take images of this size.
    """
    offered = network_layers(backbone)
    options: dict[str, Any] = {"features_only": True}
    if offered.blocks is None:
        options["out_indices"] = _indices(backbone, layers, offered)
        return options
    options["out_indices"] = _block_numbers(backbone, layers, offered.blocks)
    # Position embeddings of another size are resampled when weights are loaded.
    return {**options, "img_size": _fitting(backbone, offered.strides[0], size)}


def _indices(backbone: str, layers: Sequence[Layer], offered: NetworkLayers) -> tuple[int, ...]:
    """timm's index of each layer; of several layers with a stride, the last one."""
    last = {stride: index for index, stride in enumerate(offered.strides)}
    place = {name: index for index, name in enumerate(offered.names)}
    found = []
    for layer in layers:
        if isinstance(layer, str) and _BLOCK.fullmatch(layer):
            raise UsageError(
                f"backbone {backbone} is no transformer with blocks; choose --layers by stride "
                f"({_listed(dict.fromkeys(offered.strides))}) or by name "
                f"({_listed(offered.names)})"
            )
        if isinstance(layer, int) and layer not in last:
            raise UsageError(
                f"backbone {backbone} has no layer of stride {layer} (it has "
                f"{list(offered.strides)}); name other --layers, or choose another backbone"
            )
        if isinstance(layer, str) and layer not in place:
            raise UsageError(
                f"backbone {backbone} has no layer {layer!r}{suggestion(layer, place)}; it has: "
                f"{_listed(place)}"
            )
        found.append(last[layer] if isinstance(layer, int) else place[layer])
    if found != sorted(set(found)):
        raise UsageError(
            f"--layers: list each layer of {backbone} once and in the network's order: "
            f"{_listed(offered.names)}"
        )
    return tuple(found)


def _block_numbers(backbone: str, layers: Sequence[Layer], blocks: int) -> tuple[int, ...]:
    numbers = []
    for layer in layers:
        match = _BLOCK.fullmatch(str(layer))
        if match is None or int(match[1]) >= blocks:
            raise UsageError(
                f"backbone {backbone} is a transformer of {format_count(blocks, 'block')}, which "
                f"has no layer {layer!r}; choose --layers from block:0 to block:{blocks - 1}"
            )
        numbers.append(int(match[1]))
    return tuple(numbers)


def _fitting(backbone: str, patch: int, size: int) -> int:
    """Return the image size if patches divide it."""
    if size % patch:
        below = size // patch * patch
        nearest = _listed([each for each in (below, below + patch) if each > 0])
        raise UsageError(
            f"backbone {backbone} cannot be used with images of {size} pixels, which do not divide "
            f"into patches of {patch}; choose --image-size {nearest.replace(', ', ' or ')}"
        )
    return size


def _place(layer: Layer) -> tuple[int, int]:
    """Sorts strides and blocks by number; names keep their order."""
    if isinstance(layer, int):
        return 0, layer
    match = _BLOCK.fullmatch(layer)
    return (1, int(match[1])) if match else (2, 0)


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
