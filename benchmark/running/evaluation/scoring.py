"""Scoring of images: batches to the method, checked predictions back into columns of R."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...features.feature_set import FeatureSet, Split
from ...interface.experience import MethodIds
from ...interface.method import Method
from ...system.plugin_errors import attribute_errors_to
from ..cell import Cell
from .batches import shuffled_batches
from .progress import ColumnScores
from .result_checks import MapGrid, validate_prediction


def score_columns(
    cell: Cell,
    method: Method,
    columns: Mapping[str, Sequence[int]],
    features: FeatureSet,
    method_ids: MethodIds,
    map_grid: MapGrid | None = None,
    split: Split = "test",
) -> tuple[dict[str, ColumnScores], dict[str, np.ndarray], MapGrid | None]:
    """Score images of some columns of R in shuffled batches.

    Args:
        columns: per column, the rows of its images in the source of the split; see `rows_to_score`.
        method_ids: makes the image ids that the method gets.
        map_grid: (h, w) of the method's earlier maps; None before its first map.
        split: `test`, or `train` for held-out images, whose maps are dropped.

    Returns:
        For each column its scores, and its anomaly maps (n, h, w) float16 if the method makes maps,
        both in the order of the rows; and (h, w), None before the first map.
    """
    place_of = {(c, row): place for c, rows in columns.items() for place, row in enumerate(rows)}
    scores = {
        c: ColumnScores(np.full(len(rows), np.nan, np.float32), np.full(len(rows), -1, np.int16))
        for c, rows in columns.items()
    }
    maps: dict[str, np.ndarray] = {}
    crop = features.spec.preprocessing.crop
    for chosen, batch in shuffled_batches(
        features, list(place_of), cell.routing, method.uses_images,
        method_ids=method_ids, split=split,
    ):  # fmt: skip
        with attribute_errors_to(cell.method, type(method), "score"):
            prediction = method.score(batch)
            map_grid = validate_prediction(prediction, len(chosen), crop, map_grid)
        new_scores = prediction.image_scores.detach().float().cpu().numpy()
        new_routes = None if prediction.route is None else prediction.route.cpu().numpy()
        new_maps = None
        if prediction.maps is not None and split == "test":
            new_maps = prediction.maps.detach().half().cpu().numpy()
        for index, image in enumerate(chosen):
            column, place = image[0], place_of[image]
            scores[column].scores[place] = new_scores[index]
            if new_routes is not None:
                scores[column].routes[place] = new_routes[index]
            if new_maps is not None:
                if column not in maps:
                    shape = (len(columns[column]), *new_maps.shape[1:])
                    maps[column] = np.zeros(shape, np.float16)
                maps[column][place] = new_maps[index]
    return scores, maps, map_grid


def rows_to_score(features: FeatureSet, columns: Sequence[str]) -> dict[str, Sequence[int]]:
    """All rows of the test sources of these columns."""
    return {column: range(len(features.patches(column, "test").ids)) for column in columns}
