"""Test images of a recorded run with their maps and masks, found in the dataset by content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...results.errors import DataError
from ...results.figures.kinds.examples import Example, choose
from ...results.figures.selection import NothingToDraw, describe
from ...results.records.record import Record
from ..data.drift.manifest import as_recorded
from ..data.manifest import Item, Manifest
from ..data.roots import Root
from .image import final_scores, show

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

    `DataError` where the dataset does not hold them: they are known by content, not by name.
    """
    check_has_maps(record)
    scores = final_scores(record)
    of_category = scores[scores["category"] == category]
    worst, best = choose(of_category["score"].to_numpy(), of_category["label"].to_numpy())
    data = as_recorded(manifest, record.cell)
    items = {item.content: item for item in data.test(category)}
    missing = sum(image not in items for image in of_category["image"].iloc[worst + best])
    if missing:
        raise DataError(
            f"{missing} of the {len(worst + best)} test images of {category} to be drawn are not "
            f"in {manifest.root}; give the dataset of the run with --data-root"
        )
    made = [
        [_example(record, of_category.iloc[k], items, manifest.root) for k in chosen]
        for chosen in (worst, best)
    ]
    return made[0], made[1]


def _example(record: Record, row: pd.Series, items: Mapping[str, Item], root: Root) -> Example:
    shown = show(record, items[row["image"]], int(row["place"]), root)
    return Example(
        image=shown.image,
        map=shown.map,
        mask=shown.mask,
        defect=str(row["defect"]),
        score=float(row["score"]),
    )
