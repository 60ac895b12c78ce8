"""Images for choosing parameters: held-out training images, and copies of them with defects."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from ..data.images.drawn_defects import DRAWING_VERSION, KINDS
from ..data.item import Item
from ..data.manifest import Manifest
from .holdout import hold_out

TUNING_HOLDOUT = 0.2
"""Share of the training images that are held out while parameters are chosen."""


def make_tuning_images(manifest: Manifest) -> tuple[Manifest, Manifest]:
    """Replace the test images of a dataset by held-out training images and drawn defects.

    Args:
        manifest: the dataset; its test images are not used.

    Returns:
        The images of tuning runs: training images that are not held out to learn from; the others,
        and each with one defect of every kind, to test with. Then the same images divided as the
        feature cache is: all training images, and those with defects.

    Raises:
        UsageError: a category has fewer than two training images.
    """
    items: list[Item] = []
    stored: list[Item] = []
    for category in manifest.categories:
        train = manifest.train(category)
        held = set(hold_out(train, TUNING_HOLDOUT))
        drawn = [_with_defect(i, kind) for i in train if i.content in held for kind in KINDS]
        items += [replace(i, split="test") if i.content in held else i for i in train]
        items += drawn
        stored += [*train, *drawn]
    without = replace(manifest, skipped=(), left_out=())
    return replace(without, items=tuple(items)), replace(without, items=tuple(stored))


def _with_defect(item: Item, kind: str) -> Item:
    text = f"drawn\0{DRAWING_VERSION}\0{kind}\0{item.content}"
    content = hashlib.sha256(text.encode()).hexdigest()
    return replace(
        item, split="test", defect=kind, content=content, mask=None, drawn=kind, original=item
    )
