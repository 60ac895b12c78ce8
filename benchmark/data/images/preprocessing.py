"""From decoded pixels to the square that the backbone sees, and masks along the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image

from ....results.errors import UsageError

Change: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""What is done to a resized array (H, W, ...) before the crop; shape and type stay."""

_LONGEST = 16
"""Images longer than this many times their shorter side are cut to it before the resize, whose
result would not fit in memory; the central square that is left in the end lies well inside."""


@dataclass(frozen=True)
class Preprocessing:
    """Shorter side to `resize` pixels, then the central square of `crop`; PatchCore's values.

    Bilinear with antialiasing, as Pillow does it and torchvision's `Resize` and `CenterCrop` on
    Pillow images; 8-bit integers throughout, so the result is the same on every machine.
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
        """A crop of `size` pixels with the published proportion of 256 to 224."""
        return cls(resize=round(size * 256 / 224), crop=size)

    def apply(self, pixels: np.ndarray, change: Change | None = None) -> np.ndarray:
        """pixels (H, W, 3) uint8 -> (3, crop, crop) uint8."""
        image = self._square(Image.fromarray(pixels), Image.Resampling.BILINEAR, change)
        return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))

    def apply_labels(self, labels: np.ndarray, change: Change | None = None) -> np.ndarray:
        """labels (H, W) of whole numbers -> (crop, crop) int32, by the nearest pixel."""
        image = Image.fromarray(labels.astype(np.int32))
        return np.asarray(self._square(image, Image.Resampling.NEAREST, change))

    def as_dict(self) -> dict[str, int]:
        """The part of a key that names the preprocessing."""
        return asdict(self)

    def _square(
        self, image: Image.Image, resample: Image.Resampling, change: Change | None
    ) -> Image.Image:
        shorter = min(image.size)
        image = _center(image, *(min(side, _LONGEST * shorter) for side in image.size))
        width, height = (self.resize * side // shorter for side in image.size)
        image = image.resize((width, height), resample)
        if change is not None:
            image = Image.fromarray(change(np.asarray(image)))
        return _center(image, self.crop, self.crop)


def _center(image: Image.Image, width: int, height: int) -> Image.Image:
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    return image.crop((left, top, left + width, top + height))
