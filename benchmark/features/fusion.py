"""Folding of batch norms into the convolutions before them: the same function, computed faster.

In a frozen network the two are one linear map. On two cores the embedded backbone becomes about
1.5 times as fast. Its features change by about 1e-6 of their range; float16 rounds them to 5e-4.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

TOLERANCE = 1e-4
"""Largest accepted difference of a folded layer, relative to its largest value."""


def fold_batch_norms(model: nn.Module, images: Tensor) -> nn.Module:
    """Fold every batch norm that follows a convolution.

    Which norm follows which convolution is read from the order of their definition, which need not
    be the order of computation. Both models are therefore compared on `images`.

    Args:
        model: a model in evaluation mode.
        images: (B, 3, H, H).

    Returns:
        A folded copy; `model` itself if nothing can be folded or the outputs differ.
    """
    import torch

    folded = copy.deepcopy(model)
    if not _fold(folded):
        return model
    with torch.inference_mode():
        try:
            pairs = zip(model(images), folded(images), strict=True)
            equal = all(_is_close(one, two) for one, two in pairs)
        except (RuntimeError, ValueError, AttributeError, TypeError):
            return model
    return folded if equal else model


def _is_close(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() <= TOLERANCE * one.abs().max())


def _fold(module: nn.Module) -> int:
    """Fold in place and return the number of folded norms."""
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
            # timm's norms include their activation, which stays.
            setattr(module, name, nn.Sequential(*child.children()))
            count += 1
        else:
            count += _fold(child)
        name_before, before = name, child
    return count
