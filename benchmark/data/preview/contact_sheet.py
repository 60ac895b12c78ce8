"""Draw a contact sheet: some images of each kind of a category, with their masks outlined."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from ....results.counts import format_count
from ....results.sanitizing import printable
from ...system.processes import map_in_processes
from ..entries import GOOD
from ..images.decoding import decode
from ..images.reading import read_mask
from ..item import Item
from ..manifest import Manifest
from ..roots import Root
from .near_duplicates import DuplicatePair

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

WIDTH = 1200
"""Width of the sheet in pixels."""

_COLUMNS = 6
_MARGIN, _GAP = 20, 12
_SIDE = (WIDTH - 2 * _MARGIN - (_COLUMNS - 1) * _GAP) // _COLUMNS
_TITLE, _HEADING, _CAPTION = 24, 17, 13
_LINE = 17
_PAPER, _INK, _PALE, _FRAME = (255, 255, 255), (20, 20, 20), (95, 95, 95), (200, 200, 200)
_LIGHT, _DARK = (60, 255, 120), (0, 0, 0)
"""Colors of a mask's outline: a light line inside a dark one, visible on any image."""
_DISTANCE = 2
"""Pixels between the outline and the mask, so that the outline does not hide a thin crack."""
_AROUND_IT = np.ones((3, 3), bool)
_FEW = 24  # read in this process: starting workers would take longer


@dataclass(frozen=True)
class _Tile:
    item: Item
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Section:
    heading: str
    tiles: tuple[_Tile, ...]


def draw_contact_sheet(
    manifest: Manifest,
    category: str,
    near: Sequence[DuplicatePair] = (),
    *,
    count: int = _COLUMNS,
    workers: int | None = None,
) -> Image.Image:
    """Draw training images, good test images, images of each defect, and near duplicates.

    The chosen images do not depend on file names: of each kind, those with a mask come first, then
    those with the lowest content hash. They are shown in the order of their file names.

    Args:
        manifest: the dataset.
        category: one of its categories.
        near: near duplicates. Each test image is shown next to its training image, at most `count`
            images in all.
        count: number of images of each kind.
        workers: number of processes; None for one per core, 0 to read in this process.

    Returns:
        An RGB image of `WIDTH` pixels.
    """
    from PIL import Image, ImageDraw

    sections = [*_kind_sections(manifest, category, count), *_near_sections(near, count)]
    jobs = [_Job(manifest.root, tile.item) for section in sections for tile in section.tiles]
    few = len(jobs) <= _FEW
    thumbnails = iter(list(map_in_processes(_thumbnail, jobs, workers=0 if few else workers)))
    by_section = [[next(thumbnails) for _ in section.tiles] for section in sections]
    sheet = Image.new("RGB", (WIDTH, _height(sections, by_section)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), _title(manifest, category), _INK, _font(_TITLE, bold=True))
    top = _MARGIN + 2 * _LINE
    for section, images in zip(sections, by_section, strict=True):
        draw.text((_MARGIN, top + _GAP), printable(section.heading), _INK, _font(_HEADING))
        top += _GAP + _HEADING + _GAP
        for place, tile in enumerate(section.tiles):
            left = _MARGIN + place % _COLUMNS * (_SIDE + _GAP)
            if place and place % _COLUMNS == 0:
                top += _row_height(section, images)
            _paste(sheet, draw, left, top, images[place], _tallest(images))
            for number, line in enumerate(tile.lines):
                color = _PALE if number else _INK
                text = _fitting(printable(line), _font(_CAPTION))
                below = top + _tallest(images) + 4 + number * _LINE
                draw.text((left, below), text, color, _font(_CAPTION))
        top += _row_height(section, images)
    return sheet


def _kind_sections(manifest: Manifest, category: str, count: int) -> Iterable[_Section]:
    yield _kind_section("training, good", manifest.train(category), count)
    test = manifest.test(category)
    for defect in sorted({item.defect for item in test}, key=lambda name: (name != GOOD, name)):
        items = [item for item in test if item.defect == defect]
        unmasked = sum(item.mask is None for item in items) if defect != GOOD else 0
        note = f", {unmasked} without a mask" if 0 < unmasked < len(items) else ""
        note = ", none with a mask" if unmasked == len(items) else note
        yield _kind_section(f"test, {defect}", items, count, note)


def _kind_section(name: str, items: Sequence[Item], count: int, note: str = "") -> _Section:
    masked_first = sorted(items, key=lambda item: item.mask is None)
    chosen = sorted(masked_first[:count], key=lambda item: item.path)
    some = "" if len(chosen) == len(items) else f"{len(chosen)} of "
    heading = f"{name}: {some}{format_count(len(items), 'image')}{note}"
    return _Section(heading, tuple(_Tile(item, (_name(item),)) for item in chosen))


def _near_sections(pairs: Sequence[DuplicatePair], count: int) -> Iterable[_Section]:
    if not pairs:
        return
    chosen = pairs[: max(1, count // 2)]
    tiles: list[_Tile] = []
    for pair in chosen:
        similarity = f"similarity {pair.similarity:.3f}"
        tiles.append(_Tile(pair.test, (_name(pair.test), f"test, {pair.test.defect}")))
        tiles.append(_Tile(pair.train, (_name(pair.train), f"training, {similarity}")))
    some = "" if len(chosen) == len(pairs) else f"{len(chosen)} of "
    heading = f"test images next to the training images that they repeat: {some}{len(pairs)}"
    yield _Section(heading, tuple(tiles))


def _name(item: Item) -> str:
    return PurePosixPath(item.path).name


def _title(manifest: Manifest, category: str) -> str:
    items = (*manifest.train(category), *manifest.test(category))
    sizes = sorted({(item.width, item.height) for item in items})
    note = f"{sizes[0][0]} x {sizes[0][1]} pixels" if len(sizes) == 1 else f"{len(sizes)} sizes"
    return _fitting(
        printable(f"{category}  ({manifest.name}, {note})"),
        _font(_TITLE, bold=True),
        WIDTH - 2 * _MARGIN,
    )


def _tallest(images: Sequence[np.ndarray]) -> int:
    return max(len(image) for image in images)


def _row_height(section: _Section, images: Sequence[np.ndarray]) -> int:
    lines = max(len(tile.lines) for tile in section.tiles)
    return _tallest(images) + 4 + _LINE * lines + _GAP


def _height(sections: Sequence[_Section], by_section: Sequence[Sequence[np.ndarray]]) -> int:
    rows = sum(
        -(-len(section.tiles) // _COLUMNS) * _row_height(section, images)
        for section, images in zip(sections, by_section, strict=True)
    )
    return 2 * _MARGIN + 2 * _LINE + rows + len(sections) * (2 * _GAP + _HEADING)


@dataclass(frozen=True)
class _Job:
    root: Root
    item: Item


def _thumbnail(job: _Job) -> np.ndarray:
    """(h, w, 3) uint8 that fits a tile. Small images are enlarged by an integer factor."""
    from PIL import Image

    pixels = decode(job.root / job.item.path, job.item.bits)
    height, width = pixels.shape[:2]
    scale = _SIDE / max(height, width)
    scale = max(1, int(scale)) if scale > 1 else scale
    size = max(1, round(width * scale)), max(1, round(height * scale))
    resample = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
    image = Image.fromarray(pixels)
    if scale < 0.25:
        image = image.reduce(int(0.5 / scale))
    small = np.array(image.resize(size, resample))
    if job.item.mask is not None:
        _outline(small, read_mask(job.root, job.item))
    return small


def _outline(small: np.ndarray, mask: np.ndarray) -> None:
    """Draw a line around the mask (H, W) bool, at a distance, so that the defect stays visible."""
    from PIL import Image
    from scipy.ndimage import binary_dilation

    shape = Image.fromarray(mask.astype(np.float32))  # as uint8, a small fraction would round to 0
    size = (small.shape[1], small.shape[0])
    larger = size[0] > mask.shape[1]
    resample = Image.Resampling.NEAREST if larger else Image.Resampling.BOX
    inside = np.asarray(shape.resize(size, resample)) > 0
    clear = binary_dilation(inside, _AROUND_IT, iterations=_DISTANCE)
    line = binary_dilation(clear, _AROUND_IT)
    small[binary_dilation(line, _AROUND_IT) & ~line] = _DARK
    small[line & ~clear] = _LIGHT


def _paste(
    sheet: Image.Image, draw: ImageDraw, left: int, top: int, small: np.ndarray, room: int
) -> None:
    """Paste an image into the middle of a tile, with a frame to show where a white image ends."""
    from PIL import Image

    height, width = small.shape[:2]
    left, top = left + (_SIDE - width) // 2, top + (room - height) // 2
    sheet.paste(Image.fromarray(small), (left, top))
    draw.rectangle((left - 1, top - 1, left + width, top + height), outline=_FRAME)


@functools.cache
def _font(size: int, *, bold: bool = False) -> FreeTypeFont:
    """The font that comes with matplotlib, so that sheets are the same on every machine."""
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", name), size)


def _fitting(text: str, font: FreeTypeFont, width: int = _SIDE) -> str:
    """`text`, or its beginning and end if it is too wide, since file names differ at the end."""
    length, fitting = len(text), text
    while length > 2 and font.getlength(fitting) > width:
        length -= 1
        fitting = f"{text[: length // 2]}…{text[len(text) - (length - length // 2) :]}"
    return fitting
