"""Render one synthetic image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..entries import Split
from . import TEST_DEFECTIVE, TEST_GOOD, TRAIN_GOOD, VERSION
from .categories import CATALOG
from .defects import Defect
from .random_stream import Array, RandomStream
from .scene import expose, lamp

GOOD = "good"


@dataclass(frozen=True)
class ImageSpec:
    """Identifies one image; `index` counts within the folder `<category>/<split>/<kind>`."""

    category: str
    split: Split
    kind: str
    index: int


def image_specs() -> Iterator[ImageSpec]:
    """All images by category. The defective ones are divided evenly among the kinds of defect."""
    for name, category in CATALOG.items():
        yield from (ImageSpec(name, "train", GOOD, i) for i in range(TRAIN_GOOD))
        yield from (ImageSpec(name, "test", GOOD, i) for i in range(TEST_GOOD))
        kinds = category.defects
        for i in range(TEST_DEFECTIVE):
            yield ImageSpec(name, "test", kinds[i % len(kinds)], i // len(kinds))


def render(spec: ImageSpec, *, without_defect: bool = False) -> tuple[Array, Array]:
    """Render an image and its exact mask.

    Args:
        spec: which image.
        without_defect: render a defective image as it would be without its defect.

    Returns:
        (256, 256, 3) uint8 and (256, 256) bool.
    """
    category = CATALOG[spec.category]
    folder = f"{spec.split}/{spec.kind}"
    rng = RandomStream("cadbench synthetic", VERSION, spec.category, folder, str(spec.index))
    defect = Defect(GOOD if without_defect else spec.kind, rng.child("defect"))
    scene = category.paint(rng.child("product"), defect)
    if defect.kind in category.surface_defects:
        defect.mark(category.surface_defects[defect.kind](scene, defect.rng))
    light = lamp(rng.child("lamp"), category.lamp, category.low, category.ambient)
    return expose(scene, light, rng.child("camera")), defect.mask
