"""What a method receives: training experiences and batches of test images."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch

    from .patch_source import PatchSource


@dataclass(frozen=True)
class TrainExperience:
    """One step of the training stream: the anomaly-free images of its categories.

    Attributes:
        index: position in the stream, from 1.
        categories: the categories that the experience introduces, in order. For methods that
            declare `recurring`, also categories that return.
        categories_before: number of categories in earlier experiences.
    """

    index: int
    categories: tuple[str, ...]
    categories_before: int
    _patches: Mapping[str, PatchSource] = field(repr=False)
    _pixels: Mapping[str, PatchSource] = field(repr=False)
    _numbers: Mapping[str, int] = field(default_factory=dict, repr=False)

    def number(self, category: str) -> int:
        """Position of a category, from 0, in the order in which categories first appeared."""
        usual = self.categories_before + self.categories.index(category)
        return self._numbers.get(category, usual)

    def source(self, category: str) -> PatchSource:
        """The cached training patches of a category, for the coreset service."""
        return self._patches[category]

    def patches(self, category: str) -> tuple[tuple[str, ...], torch.Tensor]:
        """Read all training patches of a category.

        Returns:
            ids (B,) and patches (B, P, D) float32 on the device.
        """
        source = self._patches[category]
        return source.ids, source.read(range(len(source.ids)))

    def batches(
        self, category: str, size: int = 32
    ) -> Iterator[tuple[tuple[str, ...], torch.Tensor]]:
        """Read the training patches of a category in batches, so that memory stays bounded.

        Args:
            category: one of `categories`.
            size: largest number of images per batch.

        Yields:
            ids (b,) and patches (b, P, D) float32 on the device.
        """
        source = self._patches[category]
        for start in range(0, len(source.ids), size):
            rows = range(start, min(start + size, len(source.ids)))
            yield source.ids[start : start + size], source.read(rows)

    def images(self, category: str) -> tuple[tuple[str, ...], torch.Tensor]:
        """Read all training images of a category; needs `Method.uses_images = True`.

        Returns:
            ids (B,) and images (B, 3, H, W) uint8.
        """
        source = self._pixels[category]
        return source.ids, source.read(range(len(source.ids)))

    def as_avalanche(self, inputs: Literal["images", "patches"] = "images") -> Any:
        """Return this experience as an Avalanche `CLExperience`, for Avalanche strategies.

        Args:
            inputs: what the dataset holds: images (3, H, W) float32 in 0..1, or patches (P, D)
                float32. The target is the number of the category in the stream, from 0.
        """
        from .avalanche import single_experience

        sources = self._pixels if inputs == "images" else self._patches
        return single_experience(
            [sources[category] for category in self.categories],
            [self.number(category) for category in self.categories],
            index=self.index,
            categories_before=self.categories_before,
        )


class TestBatch:
    """B test images to score. Ids are opaque, the order is random, and there are no labels.

    Attributes:
        ids: (B,) content hashes.
        category: the category of the images under `oracle` routing; None under `inferred`.
    """

    __test__ = False  # pytest must not collect this class because of its name

    def __init__(
        self,
        ids: tuple[str, ...],
        category: str | None,
        read_patches: Callable[[], torch.Tensor],
        read_images: Callable[[], torch.Tensor],
        find_stored: Callable[[], tuple[torch.Tensor, Sequence[int]]] | None = None,
    ) -> None:
        self.ids = ids
        self.category = category
        self._read_patches = read_patches
        self._read_images = read_images
        self._find_stored = find_stored or (lambda: (self.patches, range(len(ids))))

    def __len__(self) -> int:
        return len(self.ids)

    @functools.cached_property
    def patches(self) -> torch.Tensor:
        """(B, P, D) float32 on the device, read on first use."""
        return self._read_patches()

    @functools.cached_property
    def stored(self) -> tuple[torch.Tensor, Sequence[int]]:
        """For services: an array (N, P, D) in the stored type, and the batch's B rows in it.

        The array may be float16 and may be the memory-mapped cache file: do not write to it.
        """
        return self._find_stored()

    def images(self) -> torch.Tensor:
        """Read the images (B, 3, H, W) uint8; needs `Method.uses_images = True`."""
        return self._read_images()
