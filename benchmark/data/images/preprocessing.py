"""Resize images to a square by cropping, padding or squashing, and masks in the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from PIL import Image

from ....results.errors import UsageError

Transform: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Applied to a resized array (H, W, ...) before the crop or the padding; keeps shape and type."""

Mode: TypeAlias = Literal["crop", "pad", "squash"]
"""How an image becomes a square: cut out the middle, add black borders, or change the aspect."""
MODES: tuple[Mode, ...] = get_args(Mode)

_LONGEST = 16
"""Images longer than this many times their shorter side are cropped to that length before the
resize, whose result might not fit in memory otherwise. The final crop lies well inside."""


@dataclass(frozen=True)
class Preprocessing:
    """Resize an image and make it a square. The defaults are PatchCore's.

    Bilinear with antialiasing, as in Pillow and in torchvision's `Resize` and `CenterCrop` of
    Pillow images. All values are 8-bit integers, so the result is the same on every machine.

    Attributes:
        resize: length in pixels to which a side is resized: with `crop` the shorter side, with
            `pad` the longer side, with `squash` both.
        crop: side of the square in pixels; with `pad` and `squash` equal to `resize`.
        mode: `crop` cuts out the middle, `pad` centers the image between black borders, `squash`
            changes the aspect ratio.
    """

    resize: int = 256
    crop: int = 224
    mode: Mode = "crop"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UsageError(f"mode must be one of {', '.join(MODES)}, not {self.mode!r}")
        if not 1 <= self.crop <= self.resize:
            raise UsageError(
                f"image size: a crop of {self.crop} pixels does not fit a resize to {self.resize}; "
                "give 1 <= crop <= resize"
            )
        if self.mode != "crop" and self.crop != self.resize:
            raise UsageError(
                f"image size: {self.mode} crops nothing, so crop and resize must be equal, not "
                f"{self.crop} and {self.resize}"
            )

    @classmethod
    def for_image_size(cls, size: int, mode: Mode = "crop") -> Preprocessing:
        """A square of `size` pixels; a crop has the published ratio of 256 to 224."""
        return cls(resize=round(size * 256 / 224) if mode == "crop" else size, crop=size, mode=mode)

    def apply(self, pixels: np.ndarray, transform: Transform | None = None) -> np.ndarray:
        """Preprocess an image.

        Args:
            pixels: (H, W, 3) uint8.
            transform: applied between resize and crop.

        Returns:
            (3, crop, crop) uint8.
        """
        image = self._square(Image.fromarray(pixels), Image.Resampling.BILINEAR, transform)
        return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))

    def apply_labels(self, labels: np.ndarray, transform: Transform | None = None) -> np.ndarray:
        """Preprocess a label image with nearest-neighbor interpolation.

        Args:
            labels: (H, W) integers.
            transform: applied between resize and crop.

        Returns:
            (crop, crop) int32; 0 in borders.
        """
        image = Image.fromarray(labels.astype(np.int32))
        return np.asarray(self._square(image, Image.Resampling.NEAREST, transform))

    def cut_off(self, width: int, height: int) -> float:
        """Fraction of an image of this size that the crop cuts off."""
        if self.mode != "crop":
            return 0.0
        resized = (self.resize * side // min(width, height) for side in (width, height))
        kept = 1.0
        for side in resized:
            kept *= min(1.0, self.crop / side)
        return 1.0 - kept

    def as_dict(self) -> dict[str, Any]:
        """The preprocessing as part of a cell's key; `mode` is left out if it is `crop`."""
        values = asdict(self)
        if self.mode == "crop":
            del values["mode"]
        return values

    def _square(
        self, image: Image.Image, resample: Image.Resampling, transform: Transform | None
    ) -> Image.Image:
        shorter = min(image.size)
        if self.mode == "crop":
            image = _center(image, *(min(side, _LONGEST * shorter) for side in image.size))
            width, height = (self.resize * side // shorter for side in image.size)
        elif self.mode == "pad":
            longer = max(image.size)
            width, height = (max(1, round(self.resize * side / longer)) for side in image.size)
        else:
            width = height = self.resize
        image = image.resize((width, height), resample)
        if transform is not None:
            image = Image.fromarray(transform(np.asarray(image)))
        return _center(image, self.crop, self.crop)


def _center(image: Image.Image, width: int, height: int) -> Image.Image:
    """Cut out the middle, or add black borders where the image is smaller."""
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    return image.crop((left, top, left + width, top + height))
