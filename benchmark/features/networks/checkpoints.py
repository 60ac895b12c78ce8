"""Weights of transformers: names and position embeddings as timm converts them."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def converted_tensors(
    backbone: str, given: Mapping[str, Tensor], model: torch.nn.Module
) -> Mapping[str, Tensor]:
    """Convert the tensors of a file as timm does for the files that it downloads.

    Original names, such as those of DINOv2, become timm's. Position embeddings and patch
    projections are resampled to the size of the model.

    Args:
        backbone: name of the model.
        given: the tensors, without a common prefix.
        model: the whole model, at the image size of the features.

    Returns:
        The converted tensors; `given` itself if timm cannot convert them.
    """
    convert = _filter_of(backbone)
    if convert is None:
        return given
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # timm prints while it tries names
            converted = convert(dict(given), model)
    except (RuntimeError, KeyError, AttributeError, IndexError, TypeError, ValueError):
        return given
    expected = model.state_dict()
    renamed = {name: re.sub(r"gamma_(\d)", r"ls\1.gamma", name) for name in converted}
    return {
        name if name in expected else renamed[name]: tensor for name, tensor in converted.items()
    }


def _filter_of(backbone: str) -> Callable[..., dict[str, Any]] | None:
    """timm's conversion of checkpoints for a family of models."""
    import timm

    module = sys.modules[timm.model_entrypoint(backbone.partition(".")[0]).__module__]
    return getattr(module, "checkpoint_filter_fn", None)
