"""Scoring of images: batches to the method, checked predictions back into columns of R."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ...features.feature_set import FeatureSet, Split
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
    counts = {c: len(features.patches(c, "test").ids) for c in columns}
    scores = {column: _no_scores(n) for column, n in counts.items()}
    maps: dict[str, np.ndarray] = {}
    images = [(column, row) for column, n in counts.items() for row in range(n)]
    for chosen, prediction, grid in _predictions(
        cell, method, images, features, method_ids, "test", map_grid
    ):
        map_grid = grid
        _store_scores(prediction, chosen, scores)
        _store_maps(prediction, chosen, counts, maps)
    return scores, maps, map_grid


def score_held_out(
    cell: Cell,
    method: Method,
    held_out: Mapping[str, Sequence[str]],
    features: FeatureSet,
    method_ids: MethodIds,
    map_grid: MapGrid | None = None,
) -> dict[str, ColumnScores]:
    """Score held-out training images in the way test images are scored.

    Args:
        cell: the cell.
        method: its method.
        held_out: per column of R, the ids of its held-out images.
        features: features of the images.
        method_ids: makes the image ids that the method gets.
        map_grid: (h, w) of the method's earlier maps; None before its first map.

    Returns:
        For each column the scores of its images, in the order of their ids.
    """
    row_of = {column: features.patches(column, "train").row_of for column in held_out}
    places = {
        (column, row_of[column][image]): (column, place)
        for column, ids in held_out.items()
        for place, image in enumerate(ids)
    }
    scores = {column: _no_scores(len(ids)) for column, ids in held_out.items()}
    for chosen, prediction, _ in _predictions(
        cell, method, list(places), features, method_ids, "train", map_grid
    ):
        _store_scores(prediction, [places[image] for image in chosen], scores)
    return scores


def _predictions(
    cell: Cell,
    method: Method,
    images: Sequence[ImageRef],
    features: FeatureSet,
    method_ids: MethodIds,
    split: Split,
    map_grid: MapGrid | None,
) -> Iterator[tuple[list[ImageRef], Prediction, MapGrid | None]]:
    """Yield, per batch, its images, the checked prediction, and (h, w) of the maps so far."""
    crop = features.spec.preprocessing.crop
    for chosen, batch in shuffled_batches(
        features, images, cell.routing, method.uses_images, method_ids=method_ids, split=split
    ):
        with attribute_errors_to(cell.method, type(method), "score"):
            prediction = method.score(batch)
            map_grid = validate_prediction(prediction, len(chosen), crop, map_grid)
        yield chosen, prediction, map_grid


def _no_scores(count: int) -> ColumnScores:
    return ColumnScores(np.full(count, np.nan, np.float32), np.full(count, -1, np.int16))


def _store_scores(
    prediction: Prediction, images: Sequence[ImageRef], scores: Mapping[str, ColumnScores]
) -> None:
    """Write the scores and routes of a prediction to the rows of its images."""
    new_scores = prediction.image_scores.detach().float().cpu().numpy()
    new_routes = None if prediction.route is None else prediction.route.cpu().numpy()
    for index, (column, row) in enumerate(images):
        target = scores[column]
        target.scores[row] = new_scores[index]
        if new_routes is not None:
            target.routes[row] = new_routes[index]


def _store_maps(
    prediction: Prediction,
    images: Sequence[ImageRef],
    counts: Mapping[str, int],
    maps: dict[str, np.ndarray],
) -> None:
    """Write the maps of a prediction to the rows of its images."""
    if prediction.maps is None:
        return
    new_maps = prediction.maps.detach().half().cpu().numpy()
    for index, (column, row) in enumerate(images):
        if column not in maps:
            maps[column] = np.zeros((counts[column], *new_maps.shape[1:]), np.float16)
        maps[column][row] = new_maps[index]
