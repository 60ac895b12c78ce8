"""One image, and the whole set, from the catalog."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import TEST_DEFECTIVE, TEST_GOOD, TRAIN_GOOD, VERSION
from .categories import CATALOG
from .defects import Flaw
from .random_streams import Array, Stream
from .scene import expose, lamp

GOOD = "good"
_CHUNK = 10


@dataclass(frozen=True)
class Picture:
    """One image of the set: `index` counts within its folder `<category>/<split>/<kind>`."""

    category: str
    split: str
    kind: str
    index: int


def pictures() -> Iterator[Picture]:
    """All of them, category by category; the defective ones share out the kinds evenly."""
    for name, category in CATALOG.items():
        yield from (Picture(name, "train", GOOD, i) for i in range(TRAIN_GOOD))
        yield from (Picture(name, "test", GOOD, i) for i in range(TEST_GOOD))
        kinds = category.defects
        for i in range(TEST_DEFECTIVE):
            yield Picture(name, "test", kinds[i % len(kinds)], i // len(kinds))


def draw(picture: Picture, *, flawless: bool = False) -> tuple[Array, Array]:
    """The image, (256, 256, 3) uint8, and its exact defect mask, (256, 256) bool.

    With `flawless` a defective picture is drawn as it would be without its defect.
    """
    category = CATALOG[picture.category]
    folder = f"{picture.split}/{picture.kind}"
    stream = Stream("cadbench synthetic", VERSION, picture.category, folder, str(picture.index))
    flaw = Flaw(GOOD if flawless else picture.kind, stream.child("defect"))
    scene = category.paint(stream.child("product"), flaw)
    if flaw.kind in category.surface_defects:
        flaw.mark(category.surface_defects[flaw.kind](scene, flaw.draw))
    light = lamp(stream.child("lamp"), category.lamp, category.low, category.ambient)
    return expose(scene, light, stream.child("camera")), flaw.mask


def chunks(root: Path) -> Iterator[tuple[Path, tuple[Picture, ...]]]:
    """The work of `draw_chunk`, in pieces for worker processes."""
    everything = tuple(pictures())
    for start in range(0, len(everything), _CHUNK):
        yield root, everything[start : start + _CHUNK]


def draw_chunk(job: tuple[Path, tuple[Picture, ...]]) -> int:
    """Write some images, and the masks of the defective ones; returns how many images."""
    root, wanted = job
    for picture in wanted:
        pixels, mask = draw(picture)
        place = Path(picture.split) / picture.kind / f"{picture.index:03d}.png"
        _save(pixels, root / picture.category / place)
        if picture.kind != GOOD:
            truth = Path("ground_truth") / picture.kind / f"{picture.index:03d}_mask.png"
            _save(mask.astype("uint8") * 255, root / picture.category / truth)
    return len(wanted)


def _save(pixels: Array, file: Path) -> None:
    from PIL import Image

    file.parent.mkdir(parents=True, exist_ok=True)
    # Of noisy pictures, whose rows hardly repeat, as small as at any level and sooner written.
    Image.fromarray(pixels).save(file, compress_level=1, compress_type=zlib.Z_RLE)
