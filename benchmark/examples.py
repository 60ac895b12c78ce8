"""Test images of a recorded run with their maps and masks, found in the data set by content."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.decoding import decode, decode_mask
from benchmark.data.manifest import Item, Manifest, verify_unchanged
from benchmark.data.preprocessing import Preprocessing
from benchmark.pixels.maps import MapSpec, full_maps
from results.errors import DataError
from results.figures.examples import Example, choose
from results.figures.source import NothingToDraw, describe
from results.record import Record

if TYPE_CHECKING:
    import pandas as pd


def check_has_maps(record: Record) -> None:
    """`NothingToDraw` where the record kept no anomaly maps."""
    if record.maps() is None:
        raise NothingToDraw(
            f"{describe(record)} kept no anomaly maps; run it with --maps final, by a method that "
            "makes maps"
        )


def load_examples(
    record: Record, category: str, manifest: Manifest
) -> tuple[list[Example], list[Example]]:
    """(worst, best) test images of `category` by the scores after the last experience.

    `DataError` where the data set does not hold them: they are known by content, not by name.
    """
    check_has_maps(record)
    scores = record.scores.reset_index(drop=True)
    scores = scores[scores["experience"] == scores["experience"].max()]
    of_category = scores[scores["category"] == category]
    worst, best = choose(of_category["score"].to_numpy(), of_category["label"].to_numpy())
    items = {item.content: item for item in manifest.test(category)}
    missing = sum(image not in items for image in of_category["image"].iloc[worst + best])
    if missing:
        raise DataError(
            f"{missing} of the {len(worst + best)} test images of {category} to be drawn are not "
            f"in {manifest.root}; give the data set of the run with --data-root"
        )
    # Rows of maps.npy are those of the scores table, or of its last experience alone.
    first = 0 if record.run["maps"] == "all" else int(scores.index[0])
    found = [_example(record, of_category.iloc[k], first, items, manifest.root) for k in worst]
    return found, [_example(record, of_category.iloc[k], first, items, manifest.root) for k in best]


def _example(
    record: Record, row: pd.Series, first: int, items: Mapping[str, Item], root: Path
) -> Example:
    item = items[row["image"]]
    preprocessing = Preprocessing(**record.cell["preprocessing"])
    pixels = decode(root / item.path)
    verify_unchanged(item, pixels)
    return Example(
        image=preprocessing.apply(pixels).transpose(1, 2, 0),
        map=_map(record, int(str(row.name)) - first, preprocessing.crop),
        mask=_mask(item, root, preprocessing),
        defect=str(row["defect"]),
        score=float(row["score"]),
    )


def _map(record: Record, place: int, size: int) -> np.ndarray:
    """(size, size) float32."""
    import torch

    maps = record.maps()
    assert maps is not None
    patches = torch.from_numpy(np.array(maps[place : place + 1]))
    return full_maps(patches, size, MapSpec(**record.cell["maps"]))[0].numpy()


def _mask(item: Item, root: Path, preprocessing: Preprocessing) -> np.ndarray | None:
    """(crop, crop) bool; all false for a good image, None for a defective one without a mask."""
    if not item.label:
        return np.zeros((preprocessing.crop, preprocessing.crop), dtype=bool)
    if item.mask_path is None:
        return None
    return preprocessing.apply_labels(decode_mask(root / item.mask_path)) > 0
