"""Domains: named changes of light, sharpness, noise or geometry under which categories return.

`dark:2` is the kind `dark` at its second strength. A domain is a pure function that is applied
between resize and crop. Its lengths are fractions of the shorter side, so that its effect does not
depend on the image size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ...results.did_you_mean import suggestion
from ...results.errors import UsageError
from ..system.rng import generator

DOMAINS_VERSION = 1
"""Increased when the arithmetic of a kind changes, so that older features and records are not
reused."""

_USUAL_SIDE = 256
"""The sigma of a blur is given in pixels of an image whose shorter side has this length."""
_MARGIN = 0.25
"""Width of the mirrored border that is added before pixels are moved, as a fraction of the shorter
side."""


@dataclass(frozen=True)
class DomainKind:
    """A kind of domain.

    Attributes:
        parameter: name of its parameter.
        strengths: value of the parameter at strength 1, 2, 3.
        moves_pixels: whether pixels move, so that masks must be changed in the same way.
        meaning: what it does, in words.
    """

    parameter: str
    strengths: tuple[float, ...]
    moves_pixels: bool
    meaning: str


KINDS = {
    "dark": DomainKind(
        "factor", (0.8, 0.65, 0.5), False, "every value times factor: a weaker lamp"
    ),
    "bright": DomainKind(
        "factor", (1.1, 1.2, 1.35), False, "every value times factor, clipped at 255"
    ),
    "shade": DomainKind(
        "fall",
        (0.15, 0.3, 0.5),
        False,
        "light falls by this fraction from left to right",
    ),
    "warm": DomainKind(
        "tint", (0.03, 0.06, 0.12), False, "red times 1 + tint, blue times 1 - tint: another lamp"
    ),
    "blur": DomainKind(
        "sigma", (0.5, 1.0, 1.5), False, "Gaussian blur; sigma in pixels at a shorter side of 256"
    ),
    "noise": DomainKind(
        "sigma", (3.0, 6.0, 12.0), False, "Gaussian noise per channel, in gray levels"
    ),
    "rotate": DomainKind(
        "degrees", (2.0, 4.0, 8.0), True, "rotated counterclockwise about the center"
    ),
    "shift": DomainKind(
        "share",
        (0.02, 0.04, 0.06),
        True,
        "moved right and down by this fraction of the shorter side",
    ),
    "scale": DomainKind(
        "factor", (1.04, 1.08, 1.15), True, "enlarged about the center: a nearer camera"
    ),
}

_NAME = re.compile(r"(?P<kind>[a-z]+):(?P<strength>[1-9]\d{0,8})")


@dataclass(frozen=True)
class Domain:
    """A kind at one of its strengths, counted from 1."""

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
    def moves_pixels(self) -> bool:
        """Whether pixels move, so that masks must be changed in the same way."""
        return KINDS[self.kind].moves_pixels

    def as_dict(self) -> dict[str, Any]:
        """The domain as part of a key: `{name: dark:2, factor: 0.65, version: 1}`."""
        return {
            "name": self.name,
            KINDS[self.kind].parameter: self.value,
            "version": DOMAINS_VERSION,
        }

    def apply(self, pixels: np.ndarray, content: str) -> np.ndarray:
        """Change an image.

        Args:
            pixels: (H, W, 3) uint8, after the resize.
            content: content hash of the original image, which seeds the noise.

        Returns:
            (H, W, 3) uint8.
        """
        if self.moves_pixels:
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

    def apply_to_labels(self, labels: np.ndarray) -> np.ndarray:
        """Move labels (H, W) int32 as the image's pixels move, with nearest-neighbor lookup."""
        if not self.moves_pixels:
            return labels
        return _moved(labels, self._affine(labels), Image.Resampling.NEAREST)

    def _affine(self, array: np.ndarray) -> np.ndarray:
        """(2, 3): maps an output position (x, y), from the center, to its source position."""
        if self.kind == "rotate":
            angle = math.radians(self.value)
            c, s = math.cos(angle), math.sin(angle)
            return np.array([[c, -s, 0.0], [s, c, 0.0]])
        if self.kind == "scale":
            return np.array([[1 / self.value, 0.0, 0.0], [0.0, 1 / self.value, 0.0]])
        distance = self.value * min(array.shape[:2])
        return np.array([[1.0, 0.0, -distance], [0.0, 1.0, -distance]])


def parse_domains(texts: Sequence[str], where: str = "drift") -> tuple[Domain, ...]:
    """Parse names such as `dark:2`.

    Args:
        texts: the names.
        where: where they come from, for the error message.

    Raises:
        UsageError: a name is unknown or given twice.
    """
    found: list[Domain] = []
    for text in texts:
        match = _NAME.fullmatch(text)
        kind = text.partition(":")[0]
        if kind not in KINDS:
            raise UsageError(
                f"{where}: unknown domain {text!r}{suggestion(kind, KINDS)}; there are: "
                f"{', '.join(KINDS)}; each needs a strength, as in dark:2"
            )
        max_strength = len(KINDS[kind].strengths)
        if not match or int(match["strength"]) > max_strength:
            raise UsageError(
                f"{where}: {text!r} is not a domain; give {kind} a strength from 1 to "
                f"{max_strength}, as in {kind}:2"
            )
        domain = Domain(kind, int(match["strength"]))
        if domain in found:
            raise UsageError(f"{where}: {text} is given twice")
        found.append(domain)
    return tuple(found)


def _as_pixels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _moved(array: np.ndarray, affine: np.ndarray, resample: Image.Resampling) -> np.ndarray:
    """Resample an array at the positions that `affine` gives; outside, it continues mirrored.

    With the default crop (256 to 224), none of the mirrored part is visible in a square image.
    """
    height, width = array.shape[:2]
    margin = math.ceil(_MARGIN * min(height, width))
    around = [(margin, margin), (margin, margin)] + [(0, 0)] * (array.ndim - 2)
    image = Image.fromarray(np.pad(array, around, mode="symmetric"))
    # Pillow's positions start at the corner of the padded image, those of `affine` at the center.
    center = np.array([width / 2, height / 2])
    offset = affine[:, 2] + center + margin - affine[:, :2] @ center
    data = [*affine[0, :2], offset[0], *affine[1, :2], offset[1]]
    moved = image.transform((width, height), Image.Transform.AFFINE, data, resample)
    return np.asarray(moved)
