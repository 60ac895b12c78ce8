"""Render one synthetic image, or the whole dataset."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import TEST_DEFECTIVE, TEST_GOOD, TRAIN_GOOD, VERSION
from .categories import CATALOG
from .defects import Defect
from .random_stream import Array, RandomStream
from .scene import expose, lamp

GOOD = "good"
_CHUNK = 10


@dataclass(frozen=True)
class ImageSpec:
    """Identifies one image; `index` counts within the folder `<category>/<split>/<kind>`."""

    category: str
    split: str
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


def chunks(root: Path) -> Iterator[tuple[Path, tuple[ImageSpec, ...]]]:
    """The arguments of `render_chunk`: all images in pieces for worker processes."""
    specs = tuple(image_specs())
    for start in range(0, len(specs), _CHUNK):
        yield root, specs[start : start + _CHUNK]


def render_chunk(job: tuple[Path, tuple[ImageSpec, ...]]) -> int:
    """Write some images, and the masks of the defective ones; returns the number of images."""
    root, specs = job
    for spec in specs:
        pixels, mask = render(spec)
        file = Path(spec.split) / spec.kind / f"{spec.index:03d}.png"
        _save(pixels, root / spec.category / file)
        if spec.kind != GOOD:
            mask_file = Path("ground_truth") / spec.kind / f"{spec.index:03d}_mask.png"
            _save(mask.astype("uint8") * 255, root / spec.category / mask_file)
    return len(specs)


def _save(pixels: Array, file: Path) -> None:
    from PIL import Image

    file.parent.mkdir(parents=True, exist_ok=True)
    # Noisy rows hardly repeat: other settings take longer and make the files no smaller.
    Image.fromarray(pixels).save(file, compress_level=1, compress_type=zlib.Z_RLE)
