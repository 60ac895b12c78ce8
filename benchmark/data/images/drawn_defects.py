"""Defects drawn on good images, to choose parameters without any test image.

Each kind is a pure function of the preprocessed pixels and the content hash of the image: a patch
of the image pasted elsewhere (after Li et al., "CutPaste", CVPR 2021), a thin bright or dark line,
and a rectangle of noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...system.rng import generator

DRAWING_VERSION = 1
"""Increased when a kind changes, so that older features and choices are not reused."""

_PATCH_AREA = (0.005, 0.03)
"""Area of a pasted patch and of a rectangle of noise, as a share of the image."""
_ASPECT = (0.33, 3.0)
_SCRATCH_LENGTH = (0.15, 0.4)
_SCRATCH_WIDTH = (0.006, 0.015)
"""Length and width of a scratch, as shares of the side."""
_SCRATCH_CONTRAST = (40.0, 90.0)
_NOISE_SIGMA = (25.0, 60.0)
"""In gray levels."""


def draw_defect(pixels: np.ndarray, kind: str, content: str) -> np.ndarray:
    """Draw a defect on an image.

    Args:
        pixels: (3, H, W) uint8, as the backbone receives it.
        kind: a key of `KINDS`.
        content: content hash of the image, which seeds the place and the look of the defect.

    Returns:
        (3, H, W) uint8, a changed copy.
    """
    return KINDS[kind](pixels, generator(0, f"draw {kind} {DRAWING_VERSION}", content))


def _cut_paste(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = _rectangle(pixels.shape, rng)
    y, x = _corner(pixels.shape, (height, width), rng)
    patch = pixels[:, y : y + height, x : x + width]
    if rng.random() < 0.5:
        patch = patch[:, :, ::-1]
    drawn = pixels.copy()
    y, x = _corner(pixels.shape, (height, width), rng)
    drawn[:, y : y + height, x : x + width] = patch
    return drawn


def _scratch(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    _, height, width = pixels.shape
    side = min(height, width)
    length = rng.uniform(*_SCRATCH_LENGTH) * side
    half = max(0.6, rng.uniform(*_SCRATCH_WIDTH) * side / 2)
    angle = rng.uniform(0, math.pi)
    center = rng.uniform(0.2, 0.8, 2) * (height, width)
    bend = rng.uniform(-0.3, 0.3) / length
    rows, columns = np.mgrid[:height, :width]
    dy, dx = rows - center[0], columns - center[1]
    along = dx * math.cos(angle) + dy * math.sin(angle)
    across = -dx * math.sin(angle) + dy * math.cos(angle) - bend * along**2
    mask = np.clip(half + 0.5 - np.abs(across), 0, 1) * (np.abs(along) <= length / 2)
    contrast = rng.uniform(*_SCRATCH_CONTRAST) * (1 if rng.random() < 0.5 else -1)
    return _clip(pixels + contrast * mask)


def _noise(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = _rectangle(pixels.shape, rng)
    y, x = _corner(pixels.shape, (height, width), rng)
    drawn = pixels.astype(np.float64)
    noise = rng.normal(0, rng.uniform(*_NOISE_SIGMA), (3, height, width))
    drawn[:, y : y + height, x : x + width] += noise
    return _clip(drawn)


KINDS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "cut_paste": _cut_paste,
    "scratch": _scratch,
    "noise": _noise,
}
"""Kind of defect -> function (pixels, random generator) -> changed copy."""


def _rectangle(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, int]:
    """Height and width of a rectangle of random area and aspect ratio."""
    _, height, width = shape
    area = rng.uniform(*_PATCH_AREA) * height * width
    aspect = math.exp(rng.uniform(*np.log(_ASPECT)))
    tall, wide = math.sqrt(area * aspect), math.sqrt(area / aspect)
    return min(max(2, round(tall)), height), min(max(2, round(wide)), width)


def _corner(
    shape: tuple[int, ...], size: tuple[int, int], rng: np.random.Generator
) -> tuple[int, int]:
    _, height, width = shape
    return int(rng.integers(height - size[0] + 1)), int(rng.integers(width - size[1] + 1))


def _clip(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
