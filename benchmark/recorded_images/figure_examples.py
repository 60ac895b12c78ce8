"""The worst and best test images of a category, for the figure `examples`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...results.errors import DataError
from ...results.figures.kinds.examples import Example, choose
from ...results.figures.selection import NothingToDraw, describe
from ...results.records.record import Record
from ..data.drifted_manifest import add_recorded_domains
from ..data.item import Item
from ..data.manifest import Manifest
from ..data.roots import Root
from .image import final_scores, load_recorded_image

if TYPE_CHECKING:
    import pandas as pd


def check_has_maps(record: Record) -> None:
    """Raise `NothingToDraw` if the record kept no anomaly maps."""
    if record.maps() is None:
        raise NothingToDraw(
            f"{describe(record)} kept no anomaly maps; run it again with --maps final and a method "
            "that makes maps"
        )


def load_examples(
    record: Record, category: str, manifest: Manifest
) -> tuple[list[Example], list[Example]]:
    """Load the worst and best test images of a category by their scores after the last experience.

    Args:
        record: a record that kept maps.
        category: one of its categories.
        manifest: the dataset. Images are found by content, so files may have other names.

    Returns:
        The worst and the best images.

    Raises:
        NothingToDraw: the record kept no maps.
        DataError: the dataset does not have the images.
    """
    check_has_maps(record)
    scores = final_scores(record)
    of_category = scores[scores["category"] == category]
    worst, best = choose(of_category["score"].to_numpy(), of_category["label"].to_numpy())
    data = add_recorded_domains(manifest, record.cell)
    items = {item.content: item for item in data.test(category)}
    missing = sum(image not in items for image in of_category["image"].iloc[worst + best])
    if missing:
        raise DataError(
            f"{missing} of the {len(worst + best)} test images of {category} for the figure are "
            f"not in {manifest.root}; give the dataset of the run with --data-root"
        )
    examples = [
        [_example(record, of_category.iloc[k], items, manifest.root) for k in chosen]
        for chosen in (worst, best)
    ]
    return examples[0], examples[1]


def _example(record: Record, row: pd.Series, items: Mapping[str, Item], root: Root) -> Example:
    loaded = load_recorded_image(record, items[row["image"]], int(row["map_row"]), root)
    return Example(
        image=loaded.image,
        map=loaded.map,
        mask=loaded.mask,
        defect=str(row["defect"]),
        score=float(row["score"]),
    )
