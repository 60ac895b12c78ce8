"""Create timm models, and describe their layers without computing anything."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

from ....results.errors import UsageError
from .model_names import require_model


@dataclass(frozen=True)
class NetworkLayers:
    """The layers that a network offers.

    Attributes:
        strides: stride of each layer, in the network's order.
        names: timm's name of each layer.
        blocks: number of blocks of a transformer, all of one stride; None for other networks.
    """

    strides: tuple[int, ...]
    names: tuple[str, ...]
    blocks: int | None


def create_model(backbone: str, seed: int = 0, **options: Any) -> Any:
    """Create a timm model; its random weights follow from the seed, not from a global generator."""
    import timm
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return timm.create_model(backbone, **options)


@functools.lru_cache(maxsize=16)
def network_layers(backbone: str) -> NetworkLayers:
    """Return the layers of a network.

    Raises:
        UsageError: there is no such model, or it gives no layers.
    """
    import torch

    require_model(backbone)
    try:
        with torch.device("meta"):  # computes shapes only
            model = create_model(backbone, features_only=True)
    except (RuntimeError, KeyError, AttributeError, IndexError, NotImplementedError) as error:
        raise unusable(backbone, error) from error
    strides = tuple(model.feature_info.reduction())
    names = tuple(model.feature_info.module_name())
    inner: Any = getattr(model, "model", None)
    alike = len(set(strides)) == 1 and all(re.fullmatch(r"blocks\.\d+", name) for name in names)
    blocks = len(inner.blocks) if alike and hasattr(inner, "blocks") else None
    return NetworkLayers(strides, names, blocks)


def unusable(backbone: str, error: Exception) -> UsageError:
    """The error of a model that timm cannot create, or not with these options."""
    reason = " ".join(str(error).split())[:200]
    return UsageError(f"backbone {backbone} cannot be used: {reason}; choose another")
