"""Validation of what `Method.score` returns: types, shapes and value ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....results.errors import CadbenchError
from ...interface.prediction import Prediction

if TYPE_CHECKING:
    import torch

_LARGEST_MAP_VALUE = float(np.finfo(np.float16).max)
"""Records store maps in float16."""


class InvalidPrediction(CadbenchError):
    """What `Method.score` returned is not a valid `Prediction`."""


def validate_prediction(prediction: Any, n_images: int, grid: tuple[int, int]) -> None:
    """Check that what a method returned for a batch is a valid `Prediction`.

    Args:
        prediction: return value of `Method.score`.
        n_images: number of images in the batch.
        grid: (h, w) of the patch grid.

    Raises:
        InvalidPrediction: says which field is wrong and what was expected, such as
            `image_scores has shape (3,), expected (4,)`.
    """
    import torch

    if not isinstance(prediction, Prediction):
        raise InvalidPrediction(f"it is a {type(prediction).__name__}, not a cadbench.Prediction")
    for name in ("image_scores", "maps", "route"):
        value = getattr(prediction, name)
        if not isinstance(value, torch.Tensor) and (name == "image_scores" or value is not None):
            raise InvalidPrediction(f"{name} is a {type(value).__name__}, expected a tensor")
    scores, maps, route = prediction.image_scores, prediction.maps, prediction.route
    _check_shape("image_scores", scores, (n_images,))
    if not torch.isfinite(scores.float()).all():
        raise InvalidPrediction("image_scores has values that are not finite")
    if maps is not None:
        _check_shape("maps", maps, (n_images, *grid))
        if not (maps.abs() <= _LARGEST_MAP_VALUE).all():
            raise InvalidPrediction("maps has NaN or values beyond float16 (65504)")
    if route is not None:
        _check_shape("route", route, (n_images,))
        if route.is_floating_point() or route.dtype == torch.bool:
            raise InvalidPrediction(f"route has dtype {route.dtype}, expected integers")
        if not ((route >= -1) & (route <= np.iinfo(np.int16).max)).all():
            raise InvalidPrediction(
                "route has numbers that are no expert's: expected 0 to 32767, or -1 for none"
            )


def _check_shape(name: str, tensor: torch.Tensor, expected: tuple[int, ...]) -> None:
    shape = tuple(tensor.shape)
    if shape != expected:
        raise InvalidPrediction(f"{name} has shape {shape}, expected {expected}")
