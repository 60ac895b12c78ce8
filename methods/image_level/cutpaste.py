"""CutPaste: images with a part copied to another place, as a second class to train on."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchvision.transforms import v2

_JITTER = 0.1
_ROTATION = 90
_AREA = (0.02, 0.15)
_NARROWEST = 0.1


class CutPaste:
    """Pairs of an image and the same image with a pasted part, both slightly changed at random.

    Source: Li et al., "CutPaste: Self-Supervised Learning for Anomaly Detection and Localization"
    (CVPR 2021), with the values of DNE's code: the part covers 2 to 15 % of the image; colors of
    the image, and once more those of the part, change by up to 10 %; both images are rotated by up
    to 90 degrees. Random numbers are torch's global ones.
    """

    def __init__(self) -> None:
        self.jitter = v2.ColorJitter(_JITTER, _JITTER, _JITTER, _JITTER)
        self.rotate = v2.RandomRotation(_ROTATION)

    def pairs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Make pairs of images.

        Args:
            images: (B, 3, H, W) uint8.

        Returns:
            Changed images and images with a pasted part, both (B, 3, H, W) uint8.
        """
        normal, pasted = [], []
        for image in images:
            changed = self.jitter(image)
            normal.append(self.rotate(changed))
            pasted.append(self.rotate(self.paste(changed)))
        return torch.stack(normal), torch.stack(pasted)

    def paste(self, image: Tensor) -> Tensor:
        """The image (3, H, W) with a part of it copied to another place."""
        height, width = image.shape[1:]
        area = _uniform(*_AREA) * height * width
        narrow = math.log(_uniform(_NARROWEST, 1))
        aspect = math.exp(_uniform(narrow, -narrow))
        rows = min(height, max(1, round(math.sqrt(area / aspect))))
        columns = min(width, max(1, round(math.sqrt(area * aspect))))
        top, left, to_top, to_left = (
            int(_uniform(0, room))
            for room in (height - rows, width - columns, height - rows, width - columns)
        )
        part = self.jitter(image[:, top : top + rows, left : left + columns])
        pasted = image.clone()
        pasted[:, to_top : to_top + rows, to_left : to_left + columns] = part
        return pasted


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(()))
