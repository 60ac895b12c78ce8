"""Domains: named changes of light, sharpness, noise or geometry that a category returns under.

`dark:2` is the kind `dark` at its second strength. A domain is a pure function of the image after
its resize and before its crop; lengths are shares of the shorter side, so it means the same at any
image size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ....results.did_you_mean import suggestion
from ....results.errors import UsageError
from ...system.rng import generator

DOMAINS_VERSION = 1
"""Raised whenever a kind's arithmetic changes, so that old features and records are not reused."""

_USUAL_SIDE = 256
"""Pixels of the shorter side that a blur's sigma is stated for."""
_MARGIN = 0.25
"""Of the shorter side: how far an image is mirrored beyond its border before it is moved."""


@dataclass(frozen=True)
class Kind:
    """What a kind of domain does; strengths: its parameter at 1, 2, 3; moves: masks go along."""

    parameter: str
    strengths: tuple[float, ...]
    moves: bool
    meaning: str


KINDS = {
    "dark": Kind("factor", (0.8, 0.65, 0.5), False, "every value times factor: a weaker lamp"),
    "bright": Kind("factor", (1.1, 1.2, 1.35), False, "every value times factor, cut at 255"),
    "shade": Kind(
        "fall", (0.15, 0.3, 0.5), False, "light falls by this share from left border to right"
    ),
    "warm": Kind(
        "tint", (0.03, 0.06, 0.12), False, "red times 1 + tint, blue times 1 - tint: another lamp"
    ),
    "blur": Kind(
        "sigma", (0.5, 1.0, 1.5), False, "Gaussian blur, in pixels of a shorter side of 256"
    ),
    "noise": Kind("sigma", (3.0, 6.0, 12.0), False, "Gaussian noise, in gray levels, a channel"),
    "rotate": Kind("degrees", (2.0, 4.0, 8.0), True, "turned counter-clockwise about the center"),
    "shift": Kind(
        "share", (0.02, 0.04, 0.06), True, "moved right and down by this share of the shorter side"
    ),
    "scale": Kind("factor", (1.04, 1.08, 1.15), True, "enlarged about the center: a nearer camera"),
}

_NAME = re.compile(r"(?P<kind>[a-z]+):(?P<strength>[1-9]\d{0,8})")


@dataclass(frozen=True)
class Domain:
    """A kind at a strength, from 1."""

    kind: str
    strength: int

    @property
    def name(self) -> str:
        """`dark:2`."""
        return f"{self.kind}:{self.strength}"

    @property
    def value(self) -> float:
        """The kind's parameter at this strength."""
        return KINDS[self.kind].strengths[self.strength - 1]

    @property
    def moves(self) -> bool:
        """Whether pixels change their places, and masks with them."""
        return KINDS[self.kind].moves

    def as_dict(self) -> dict[str, Any]:
        """The part of a key that names it: `{name: dark:2, factor: 0.65, version: 1}`."""
        return {
            "name": self.name,
            KINDS[self.kind].parameter: self.value,
            "version": DOMAINS_VERSION,
        }

    def change(self, pixels: np.ndarray, content: str) -> np.ndarray:
        """pixels (H, W, 3) uint8 -> the same shape and type.

        content: the hash of the image before any change, which noise is drawn from.
        """
        if self.moves:
            return _moved(pixels, self._affine(pixels), Image.Resampling.BILINEAR)
        if self.kind == "blur":
            from scipy.ndimage import gaussian_filter

            sigma = self.value * min(pixels.shape[:2]) / _USUAL_SIDE
            values = gaussian_filter(pixels.astype(np.float64), (sigma, sigma, 0), mode="reflect")
            return _as_pixels(values)
        values = pixels.astype(np.float64)
        if self.kind in ("dark", "bright"):
            values *= self.value
        elif self.kind == "shade":
            width = pixels.shape[1]
            values *= (1 - self.value * (np.arange(width) + 0.5) / width)[None, :, None]
        elif self.kind == "warm":
            values *= (1 + self.value, 1.0, 1 - self.value)
        else:
            values += generator(0, self.kind, content).normal(0, self.value, values.shape)
        return _as_pixels(values)

    def change_labels(self, labels: np.ndarray) -> np.ndarray:
        """labels (H, W) int32 where the image's pixels went, by the nearest pixel."""
        if not self.moves:
            return labels
        return _moved(labels, self._affine(labels), Image.Resampling.NEAREST)

    def _affine(self, array: np.ndarray) -> np.ndarray:
        """(2, 3): from a place (x, y) relative to the center to the place it shows."""
        if self.kind == "rotate":
            angle = math.radians(self.value)
            c, s = math.cos(angle), math.sin(angle)
            return np.array([[c, -s, 0.0], [s, c, 0.0]])
        if self.kind == "scale":
            return np.array([[1 / self.value, 0.0, 0.0], [0.0, 1 / self.value, 0.0]])
        distance = self.value * min(array.shape[:2])
        return np.array([[1.0, 0.0, -distance], [0.0, 1.0, -distance]])


def parse_domains(texts: Sequence[str], where: str = "--drift") -> tuple[Domain, ...]:
    """The domains that these names stand for; `UsageError` for what is none, or given twice."""
    found: list[Domain] = []
    for text in texts:
        match = _NAME.fullmatch(text)
        kind = text.partition(":")[0]
        if kind not in KINDS:
            raise UsageError(
                f"{where}: no domain {text!r}{suggestion(kind, KINDS)}; there are "
                f"{', '.join(KINDS)}, each with a strength, as in dark:2"
            )
        most = len(KINDS[kind].strengths)
        if not match or int(match["strength"]) > most:
            raise UsageError(
                f"{where}: {text!r}: write {kind} with a strength from 1 to {most}, as in {kind}:2"
            )
        domain = Domain(kind, int(match["strength"]))
        if domain in found:
            raise UsageError(f"{where}: {text} is given twice")
        found.append(domain)
    return tuple(found)


def _as_pixels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _moved(array: np.ndarray, affine: np.ndarray, resample: Image.Resampling) -> np.ndarray:
    """The array with every place showing what `affine` says; beyond its border it is mirrored.

    With the usual margin of the crop (256 to 224) a square image shows nothing of that.
    """
    height, width = array.shape[:2]
    margin = math.ceil(_MARGIN * min(height, width))
    around = [(margin, margin), (margin, margin)] + [(0, 0)] * (array.ndim - 2)
    image = Image.fromarray(np.pad(array, around, mode="symmetric"))
    # Pillow takes places from the corner of the padded image; ours are from the center.
    center = np.array([width / 2, height / 2])
    offset = affine[:, 2] + center + margin - affine[:, :2] @ center
    data = [*affine[0, :2], offset[0], *affine[1, :2], offset[1]]
    moved = image.transform((width, height), Image.Transform.AFFINE, data, resample)
    return np.asarray(moved)
