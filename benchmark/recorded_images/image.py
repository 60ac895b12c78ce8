"""A test image of a recorded run as it was scored: pixels, full anomaly map and mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...results.records.record import Record
from ..data.images.preprocessing import Preprocessing
from ..data.images.reading import change_of_labels, read_mask, read_picture
from ..data.manifest import Item
from ..data.roots import Root
from ..pixels.maps import MapSpec, full_maps

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Shown:
    """image (H, H, 3) uint8; map (H, H) float32; mask (H, H) bool, all false for a good image and
    None for a defective one without a mask.
    """

    image: np.ndarray
    map: np.ndarray
    mask: np.ndarray | None


def final_scores(record: Record) -> pd.DataFrame:
    """The scores after the last experience, `place` being the row of each in maps.npy."""
    scores = record.scores.reset_index(drop=True)
    last = scores["experience"] == scores["experience"].max()
    # Rows of maps.npy are those of the scores table, or of its last experience alone.
    final = scores[last]
    places = final.index if record.run["maps"] == "all" else np.arange(len(final))
    return final.assign(place=places)


def show(record: Record, item: Item, place: int, root: Root) -> Shown:
    """The image `item` below `root`, whose map is row `place` of the record's maps.npy.

    The record must have kept maps; `DataError` where the file is not the image that was scored.
    """
    import torch

    preprocessing = Preprocessing(**record.cell["preprocessing"])
    image = read_picture(root, item, preprocessing).transpose(1, 2, 0)
    maps = record.maps()
    assert maps is not None
    patches = torch.from_numpy(np.array(maps[place : place + 1]))
    full = full_maps(patches, preprocessing.crop, MapSpec(**record.cell["maps"]))[0].numpy()
    return Shown(image, full, _mask(item, root, preprocessing))


def _mask(item: Item, root: Root, preprocessing: Preprocessing) -> np.ndarray | None:
    if not item.label:
        return np.zeros((preprocessing.crop, preprocessing.crop), dtype=bool)
    if item.mask_path is None:
        return None
    return preprocessing.apply_labels(read_mask(root, item), change_of_labels(item)) > 0
