"""How a strategy stores images: as they are, smaller, or as JPEG, within a number of bytes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...results.errors import UsageError


@dataclass(frozen=True)
class StoredFormat:
    """The format of stored images and the memory that they may fill.

    Attributes:
        memory_bytes: bytes for the encoded images of all experiences; 0: any number.
        jpeg_quality: quality of Pillow's JPEG; 0: not compressed.
        shrink: stored images have 1 / shrink of the height and width.
    """

    memory_bytes: int
    jpeg_quality: int
    shrink: int

    def encoded(self, values: Tensor) -> Tensor:
        """One stored image of an image (3, H, W) uint8; patches (P, D) as they are."""
        if not self.jpeg_quality and self.shrink == 1:
            return values.clone()
        image = Image.fromarray(values.permute(1, 2, 0).contiguous().numpy())
        if self.shrink > 1:
            size = [max(1, side // self.shrink) for side in image.size]
            image = image.resize((size[0], size[1]), Image.Resampling.BOX)
        if not self.jpeg_quality:
            return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        file = io.BytesIO()
        image.save(file, "JPEG", quality=self.jpeg_quality)
        return torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8)

    def decoded(self, stored: Tensor, size: tuple[int, int]) -> Tensor:
        """The image (3, H, W) uint8 of a stored one, at (H, W) = `size`; patches as they are."""
        if not self.jpeg_quality and self.shrink == 1:
            return stored
        if self.jpeg_quality:
            image: Image.Image = Image.open(io.BytesIO(stored.numpy().tobytes()))
        else:
            image = Image.fromarray(stored.permute(1, 2, 0).contiguous().numpy())
        if self.shrink > 1:
            image = image.resize(size[::-1], Image.Resampling.BICUBIC)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)

    def pack(self, groups: list[dict[str, Any]], state: dict[str, Any]) -> dict[str, Any]:
        """Encode the newest group, and keep of each group as many images as fit.

        Every experience has the same number of bytes. Images of earlier groups are not encoded
        again.

        Args:
            groups: decoded images per experience, as in `stored_images.replay_state`.
            state: what this returned after the last experience; empty before the first.

        Raises:
            UsageError: not one image of the first experience fits.
        """
        room = self.memory_bytes // len(groups)
        *_, newest = groups
        stored = [*(group["stored"] for group in state.get("groups", ()))]
        stored.append(map(self.encoded, newest["values"]))
        packed = []
        for group, images in zip(groups, stored, strict=True):
            targets = group["targets"]
            kept = self._fitting(images, room, len(targets))
            packed.append({"stored": kept, "targets": targets[: len(kept)]})
        if len(packed) == 1 and newest["targets"] and not packed[0]["stored"]:
            size = self.encoded(newest["values"][0]).nbytes
            raise UsageError(
                f"memory_bytes={self.memory_bytes} holds no training image, which has {size} "
                "bytes: use more bytes, a lower jpeg_quality or a larger shrink"
            )
        return {"size": list(newest["values"].shape[-2:]), "groups": packed}

    def unpack(self, state: dict[str, Any]) -> dict[str, Any]:
        """The stored images, decoded, in the form of `stored_images.replay_state`."""
        groups = []
        for group in state.get("groups", ()):
            images = [self.decoded(one, tuple(state["size"])) for one in group["stored"]]
            groups.append(
                {
                    "values": torch.stack(images) if images else torch.empty(0),
                    "targets": group["targets"],
                    "priorities": torch.zeros(len(images)),
                }
            )
        return {"groups": groups}

    def _fitting(self, images: Iterable[Tensor], room: int, count: int) -> list[Tensor]:
        """The first images, at most `count`, whose bytes fit into `room`."""
        kept: list[Tensor] = []
        used = 0
        for image in images:
            used += image.nbytes
            if len(kept) == count or (self.memory_bytes and used > room):
                break
            kept.append(image)
        return kept
