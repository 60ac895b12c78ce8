"""The prediction of a method that computes one distance per patch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..benchmark.interface.prediction import Prediction

if TYPE_CHECKING:
    from torch import Tensor


def predict_from_distances(
    distances: Tensor, grid: tuple[int, int], route: Tensor | None = None
) -> Prediction:
    """Score images by the largest distance of their patches (PatchCore, without reweighting).

    Args:
        distances: (B, P), one distance per patch.
        grid: (h, w) of the patch grid, P = h * w.
        route: (B,) the expert that scored each image; None without experts.
    """
    return Prediction(distances.amax(1), distances.reshape(-1, *grid), route)
