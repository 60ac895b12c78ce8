"""Whether a method's answer to a batch is one: types, shapes, finite values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..interface.prediction import Prediction

_LARGEST_MAP = float(np.finfo(np.float16).max)
"""Maps are kept in float16."""


def flaw(prediction: Any, images: int, grid: tuple[int, int]) -> str | None:
    """What is wrong with the answer to a batch of so many images; None where nothing is.

    It reads on from the method's name: `returned scores of shape (3,) for a batch of 4 images`.
    """
    import torch

    if not isinstance(prediction, Prediction):
        return f"returned a {type(prediction).__name__} from score, not a cadbench.Prediction"
    for name in ("image_scores", "maps", "route"):
        value = getattr(prediction, name)
        if not isinstance(value, torch.Tensor) and (name == "image_scores" or value is not None):
            return f"returned {name} that are a {type(value).__name__}, not a tensor"
    scores, maps, route = prediction.image_scores, prediction.maps, prediction.route
    if scores.shape != (images,):
        return f"returned scores of shape {tuple(scores.shape)} for a batch of {images} images"
    if not torch.isfinite(scores.float()).all():
        return "returned scores that are not finite"
    if maps is not None:
        if maps.shape != (images, *grid):
            return f"returned maps of shape {tuple(maps.shape)}, not {(images, *grid)}"
        if not (maps.abs() <= _LARGEST_MAP).all():
            return "returned maps with NaN or values beyond those of float16 (65504)"
    if route is not None:
        if route.shape != (images,) or route.is_floating_point() or route.dtype == torch.bool:
            return f"returned a route of {route.dtype} {tuple(route.shape)}, not integers (B,)"
        if not ((route >= -1) & (route <= np.iinfo(np.int16).max)).all():
            return "returned a route with numbers that no expert has (0 to 32767, -1 for none)"
    return None
