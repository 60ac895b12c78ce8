"""A contact sheet of a category: some images of each kind, defects outlined, as one picture."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from ....results.sanitizing import printable
from ...system.processes import map_in_processes
from ..entries import GOOD
from ..images.decoding import decode
from ..images.reading import read_mask
from ..manifest import Item, Manifest
from ..roots import Root
from .near_duplicates import Pair

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

WIDTH = 1200
"""Pixels, at which the sheet is meant to be looked at."""

_COLUMNS = 6
_MARGIN, _GAP = 20, 12
_SIDE = (WIDTH - 2 * _MARGIN - (_COLUMNS - 1) * _GAP) // _COLUMNS
_TITLE, _HEADING, _CAPTION = 24, 17, 13
_LINE = 17
_PAPER, _INK, _PALE, _FRAME = (255, 255, 255), (20, 20, 20), (95, 95, 95), (200, 200, 200)
_LIGHT, _DARK = (60, 255, 120), (0, 0, 0)
"""The outline of a mask is light inside dark, so that one of them can be seen on any image."""
_DISTANCE = 2
"""Pixels between the outline and the mask: a crack is no wider, and is to be seen."""
_AROUND_IT = np.ones((3, 3), bool)
_FEW = 24  # read here: starting workers would take longer


@dataclass(frozen=True)
class _Cell:
    item: Item
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Section:
    heading: str
    cells: tuple[_Cell, ...]


def contact_sheet(
    manifest: Manifest,
    category: str,
    near: Sequence[Pair] = (),
    *,
    count: int = _COLUMNS,
    workers: int | None = None,
) -> Image.Image:
    """`count` training images, good test images, and images of each defect, masks outlined.

    `near` are shown below, each test image beside its training image, at most `count` images. The
    choice depends on no name: of each kind those with the lowest content hashes are shown, with
    masks before without, in the order of their names.
    """
    from PIL import Image, ImageDraw

    sections = [*_kinds(manifest, category, count), *_near(near, count)]
    jobs = [_Job(manifest.root, cell.item) for section in sections for cell in section.cells]
    few = len(jobs) <= _FEW
    thumbnails = iter(list(map_in_processes(_thumbnail, jobs, workers=0 if few else workers)))
    pictures = [[next(thumbnails) for _ in section.cells] for section in sections]
    sheet = Image.new("RGB", (WIDTH, _height(sections, pictures)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), _title(manifest, category), _INK, _font(_TITLE, bold=True))
    top = _MARGIN + 2 * _LINE
    for section, small in zip(sections, pictures, strict=True):
        draw.text((_MARGIN, top + _GAP), printable(section.heading), _INK, _font(_HEADING))
        top += _GAP + _HEADING + _GAP
        for place, cell in enumerate(section.cells):
            left = _MARGIN + place % _COLUMNS * (_SIDE + _GAP)
            if place and place % _COLUMNS == 0:
                top += _row(section, small)
            _put(sheet, draw, left, top, small[place], _tallest(small))
            for number, line in enumerate(cell.lines):
                color = _PALE if number else _INK
                text = _fitting(printable(line), _font(_CAPTION))
                below = top + _tallest(small) + 4 + number * _LINE
                draw.text((left, below), text, color, _font(_CAPTION))
        top += _row(section, small)
    return sheet


def _kinds(manifest: Manifest, category: str, count: int) -> Iterable[_Section]:
    yield _kind("training, good", manifest.train(category), count)
    test = manifest.test(category)
    for defect in sorted({item.defect for item in test}, key=lambda name: (name != GOOD, name)):
        items = [item for item in test if item.defect == defect]
        unmasked = sum(item.mask is None for item in items) if defect != GOOD else 0
        said = f", {unmasked} without a mask" if 0 < unmasked < len(items) else ""
        said = ", none with a mask" if unmasked == len(items) else said
        yield _kind(f"test, {defect}", items, count, said)


def _kind(name: str, items: Sequence[Item], count: int, said: str = "") -> _Section:
    masked_first = sorted(items, key=lambda item: item.mask is None)
    chosen = sorted(masked_first[:count], key=lambda item: item.path)
    shown = "" if len(chosen) == len(items) else f"{len(chosen)} of "
    heading = f"{name}: {shown}{len(items)} {'image' if len(items) == 1 else 'images'}{said}"
    return _Section(heading, tuple(_Cell(item, (_name(item),)) for item in chosen))


def _near(pairs: Sequence[Pair], count: int) -> Iterable[_Section]:
    if not pairs:
        return
    shown = pairs[: max(1, count // 2)]
    cells: list[_Cell] = []
    for pair in shown:
        alike = f"alike: {pair.similarity:.3f}"
        cells.append(_Cell(pair.test, (_name(pair.test), f"test, {pair.test.defect}")))
        cells.append(_Cell(pair.train, (_name(pair.train), f"training, {alike}")))
    few = "" if len(shown) == len(pairs) else f"{len(shown)} of "
    yield _Section(f"test images beside the training images that they repeat: {few}{len(pairs)}",
                   tuple(cells))  # fmt: skip


def _name(item: Item) -> str:
    return PurePosixPath(item.path).name


def _title(manifest: Manifest, category: str) -> str:
    items = (*manifest.train(category), *manifest.test(category))
    sizes = sorted({(item.width, item.height) for item in items})
    said = f"{sizes[0][0]} x {sizes[0][1]} pixels" if len(sizes) == 1 else f"{len(sizes)} sizes"
    return _fitting(
        printable(f"{category}  ({manifest.name}, {said})"),
        _font(_TITLE, bold=True),
        WIDTH - 2 * _MARGIN,
    )


def _tallest(pictures: Sequence[np.ndarray]) -> int:
    return max(len(picture) for picture in pictures)


def _row(section: _Section, pictures: Sequence[np.ndarray]) -> int:
    lines = max(len(cell.lines) for cell in section.cells)
    return _tallest(pictures) + 4 + _LINE * lines + _GAP


def _height(sections: Sequence[_Section], pictures: Sequence[Sequence[np.ndarray]]) -> int:
    rows = sum(
        -(-len(section.cells) // _COLUMNS) * _row(section, small)
        for section, small in zip(sections, pictures, strict=True)
    )
    return 2 * _MARGIN + 2 * _LINE + rows + len(sections) * (2 * _GAP + _HEADING)


@dataclass(frozen=True)
class _Job:
    root: Root
    item: Item


def _thumbnail(job: _Job) -> np.ndarray:
    """(h, w, 3) uint8 within the side of a cell; small images are enlarged by whole numbers."""
    from PIL import Image

    pixels = decode(job.root / job.item.path)
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
    """Draw around the mask (H, W) bool, not over it: what is outlined can still be seen."""
    from PIL import Image
    from scipy.ndimage import binary_dilation

    shape = Image.fromarray(mask.astype(np.float32))  # in bytes, a pixel of many would round to 0
    size = (small.shape[1], small.shape[0])
    larger = size[0] > mask.shape[1]
    resample = Image.Resampling.NEAREST if larger else Image.Resampling.BOX
    inside = np.asarray(shape.resize(size, resample)) > 0
    clear = binary_dilation(inside, _AROUND_IT, iterations=_DISTANCE)
    line = binary_dilation(clear, _AROUND_IT)
    small[binary_dilation(line, _AROUND_IT) & ~line] = _DARK
    small[line & ~clear] = _LIGHT


def _put(
    sheet: Image.Image, draw: ImageDraw, left: int, top: int, small: np.ndarray, room: int
) -> None:
    """In the middle of a cell, in a frame that shows where a white image ends."""
    from PIL import Image

    height, width = small.shape[:2]
    left, top = left + (_SIDE - width) // 2, top + (room - height) // 2
    sheet.paste(Image.fromarray(small), (left, top))
    draw.rectangle((left - 1, top - 1, left + width, top + height), outline=_FRAME)


@functools.cache
def _font(size: int, *, bold: bool = False) -> FreeTypeFont:
    """The font that matplotlib brings, so that every machine draws the same sheet."""
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", name), size)


def _fitting(text: str, font: FreeTypeFont, width: int = _SIDE) -> str:
    """`text`, or its beginning and end where it is too wide: names differ at their ends."""
    kept, shown = len(text), text
    while kept > 2 and font.getlength(shown) > width:
        kept -= 1
        shown = f"{text[: kept // 2]}…{text[len(text) - (kept - kept // 2) :]}"
    return shown
