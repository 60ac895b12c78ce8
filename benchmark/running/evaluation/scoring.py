"""Scoring of test images: batches to the method, checked predictions back into columns of R."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...features.feature_set import FeatureSet
from ...interface.experience import MethodIds
from ...interface.method import Method
from ...interface.prediction import Prediction
from ...system.plugin_errors import attribute_errors_to
from ..cell import Cell
from .batches import ImageRef, shuffled_batches
from .progress import ColumnScores
from .result_checks import MapGrid, validate_prediction


def score_columns(
    cell: Cell,
    method: Method,
    columns: Sequence[str],
    features: FeatureSet,
    method_ids: MethodIds,
    map_grid: MapGrid | None = None,
) -> tuple[dict[str, ColumnScores], dict[str, np.ndarray], MapGrid | None]:
    """Score all test images of some columns in shuffled batches.

    Args:
        cell: the cell.
        method: its method.
        columns: columns of R.
        features: features of the images.
        method_ids: makes the image ids that the method gets.
        map_grid: (h, w) of the method's earlier maps; None before its first map.

    Returns:
        For each column its scores, and its anomaly maps (n, h, w) float16 if the method makes maps;
        and (h, w), None before its first map.
    """
    crop = features.spec.preprocessing.crop
    counts = {c: len(features.patches(c, "test").ids) for c in columns}
    scores = {
        c: ColumnScores(np.full(n, np.nan, np.float32), np.full(n, -1, np.int16))
        for c, n in counts.items()
    }
    maps: dict[str, np.ndarray] = {}
    images = [(column, row) for column, n in counts.items() for row in range(n)]
    for chosen, batch in shuffled_batches(
        features, images, cell.routing, method.uses_images, method_ids=method_ids
    ):
        with attribute_errors_to(cell.method, type(method), "score"):
            prediction = method.score(batch)
            map_grid = validate_prediction(prediction, len(chosen), crop, map_grid)
        _store(prediction, chosen, scores, maps)
    return scores, maps, map_grid


def _store(
    prediction: Prediction,
    images: Sequence[ImageRef],
    scores: Mapping[str, ColumnScores],
    maps: dict[str, np.ndarray],
) -> None:
    """Write a prediction to the rows of its images."""
    new_scores = prediction.image_scores.detach().float().cpu().numpy()
    new_routes = None if prediction.route is None else prediction.route.cpu().numpy()
    new_maps = None if prediction.maps is None else prediction.maps.detach().half().cpu().numpy()
    for index, (column, row) in enumerate(images):
        target = scores[column]
        target.scores[row] = new_scores[index]
        if new_routes is not None:
            target.routes[row] = new_routes[index]
        if new_maps is not None:
            if column not in maps:
                maps[column] = np.zeros((len(target.scores), *new_maps.shape[1:]), np.float16)
            maps[column][row] = new_maps[index]
