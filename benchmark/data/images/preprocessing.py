"""Preprocessing: resize and center-crop images, and masks in the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image

from ....results.errors import UsageError

Transform: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Applied to a resized array (H, W, ...) before the crop; keeps its shape and type."""

_LONGEST = 16
"""Images longer than this many times their shorter side are cropped to that length before the
resize, whose result might not fit in memory otherwise. The final crop lies well inside."""


@dataclass(frozen=True)
class Preprocessing:
    """Resize the shorter side, then crop the central square. The defaults are PatchCore's.

    Bilinear with antialiasing, as in Pillow and in torchvision's `Resize` and `CenterCrop` of
    Pillow images. All values are 8-bit integers, so the result is the same on every machine.

    Attributes:
        resize: length of the shorter side in pixels.
        crop: side of the square in pixels.
    """

    resize: int = 256
    crop: int = 224

    def __post_init__(self) -> None:
        if not 1 <= self.crop <= self.resize:
            raise UsageError(
                f"image size: a crop of {self.crop} pixels does not fit a resize to {self.resize}; "
                "give 1 <= crop <= resize"
            )

    @classmethod
    def for_image_size(cls, size: int) -> Preprocessing:
        """A crop of `size` pixels, with the published ratio of 256 to 224."""
        return cls(resize=round(size * 256 / 224), crop=size)

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
            (crop, crop) int32.
        """
        image = Image.fromarray(labels.astype(np.int32))
        return np.asarray(self._square(image, Image.Resampling.NEAREST, transform))

    def as_dict(self) -> dict[str, int]:
        """The preprocessing as part of a cell's key."""
        return asdict(self)

    def _square(
        self, image: Image.Image, resample: Image.Resampling, transform: Transform | None
    ) -> Image.Image:
        shorter = min(image.size)
        image = _center(image, *(min(side, _LONGEST * shorter) for side in image.size))
        width, height = (self.resize * side // shorter for side in image.size)
        image = image.resize((width, height), resample)
        if transform is not None:
            image = Image.fromarray(transform(np.asarray(image)))
        return _center(image, self.crop, self.crop)


def _center(image: Image.Image, width: int, height: int) -> Image.Image:
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    return image.crop((left, top, left + width, top + height))
