"""Loading a test image of a finished run: its pixels, its full anomaly map and its mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...results.records.record import Record
from ..data.images.preprocessing import Preprocessing
from ..data.images.reading import label_transform, read_image, read_mask
from ..data.item import Item
from ..data.roots import Root
from ..pixels.maps import MapSpec, full_maps

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class RecordedImage:
    """A test image as it was scored.

    Attributes:
        image: (H, H, 3) uint8.
        map: (H, H) float32.
        mask: (H, H) bool; all false for a good image, None for a defective one without a mask.
    """

    image: np.ndarray
    map: np.ndarray
    mask: np.ndarray | None


def final_scores(record: Record) -> pd.DataFrame:
    """The scores after the last experience, with the column `map_row`: their rows in maps.npy."""
    scores = record.scores.reset_index(drop=True)
    last = scores["experience"] == scores["experience"].max()
    # maps.npy has the rows of the scores table, or only those of its last experience.
    final = scores[last]
    map_rows = final.index if record.run["maps"] == "all" else np.arange(len(final))
    return final.assign(map_row=map_rows)


def load_recorded_image(record: Record, item: Item, map_row: int, root: Root) -> RecordedImage:
    """Load a test image with its map and its mask.

    Args:
        record: a record that kept maps.
        item: the image in the manifest of the dataset.
        map_row: row of its map in the record's maps.npy.
        root: folder of the dataset.

    Raises:
        DataError: the file is not the image that was scored.
    """
    import torch

    preprocessing = Preprocessing(**record.cell["preprocessing"])
    image = read_image(root, item, preprocessing).transpose(1, 2, 0)
    maps = record.maps()
    assert maps is not None
    patches = torch.from_numpy(np.array(maps[map_row : map_row + 1]))
    full = full_maps(patches, preprocessing.crop, MapSpec(**record.cell["maps"]))[0].numpy()
    return RecordedImage(image, full, _mask(item, root, preprocessing))


def _mask(item: Item, root: Root, preprocessing: Preprocessing) -> np.ndarray | None:
    if not item.label:
        return np.zeros((preprocessing.crop, preprocessing.crop), dtype=bool)
    if item.mask_path is None:
        return None
    return preprocessing.apply_labels(read_mask(root, item), label_transform(item)) > 0
