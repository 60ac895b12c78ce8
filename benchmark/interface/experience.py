"""What a method receives: training experiences and batches of test images."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .opaque import conceal, reveal

if TYPE_CHECKING:
    import torch

    from .patch_source import PatchSource

_NEEDS_IMAGES = (
    "this method gets no images: declare uses_images = True in its class, so that they are cached"
)

MethodIds: TypeAlias = Callable[[Sequence[str]], tuple[str, ...]]
"""Makes the ids that a method gets from the content hashes of images."""


class TrainExperience:
    """One step of the training stream: the anomaly-free images of its categories.

    Attributes:
        index: position in the stream, from 1.
        categories: the categories that the experience introduces, in order. For methods that
            declare `recurring`, also categories that return.
        categories_before: number of categories in earlier experiences.
    """

    def __init__(
        self,
        index: int,
        categories: tuple[str, ...],
        categories_before: int,
        patches: Mapping[str, PatchSource],
        pixels: Mapping[str, PatchSource],
        numbers: Mapping[str, int] | None = None,
        method_ids: MethodIds = tuple,
    ) -> None:
        self.index = index
        self.categories = categories
        self.categories_before = categories_before
        self._numbers = dict(numbers or {})
        self._data = conceal(_TrainingData(patches, pixels, method_ids))

    def __repr__(self) -> str:
        return f"TrainExperience(index={self.index}, categories={self.categories})"

    def number(self, category: str) -> int:
        """Position of a category, from 0, in the order in which categories first appeared."""
        usual = self.categories_before + self.categories.index(category)
        return self._numbers.get(category, usual)

    def patches(self, category: str) -> tuple[tuple[str, ...], torch.Tensor]:
        """Read all training patches of a category.

        Returns:
            ids (B,) and patches (B, P, D) float32 on the device.
        """
        return reveal(self._data).read_patches(category)

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
        # The frame of a suspended generator can be inspected: no source is a local variable here.
        for start in range(0, reveal(self._data).count(category), size):
            yield reveal(self._data).read_patches(category, start, size)

    def images(self, category: str) -> tuple[tuple[str, ...], torch.Tensor]:
        """Read all training images of a category; needs `Method.uses_images = True`.

        Returns:
            ids (B,) and images (B, 3, H, W) uint8.
        """
        return reveal(self._data).read_images(category)

    def as_avalanche(self, inputs: Literal["images", "patches"] = "images") -> Any:
        """Return this experience as an Avalanche `CLExperience`, for Avalanche strategies.

        Args:
            inputs: what the dataset holds: images (3, H, W) float32 in 0..1, or patches (P, D)
                float32. The target is the number of the category in the stream, from 0.
        """
        from .avalanche import single_experience

        read = training_pixels if inputs == "images" else training_patches
        return single_experience(
            [read(self, category) for category in self.categories],
            [self.number(category) for category in self.categories],
            index=self.index,
            categories_before=self.categories_before,
        )


class TestBatch:
    """B test images to score. Ids are opaque, the order is random, and there are no labels.

    Attributes:
        ids: (B,) one id per image, the same in all batches of a run and different in every run.
        category: the category of the images under `oracle` routing; None under `inferred`.
    """

    __test__ = False  # pytest must not collect this class because of its name

    def __init__(
        self,
        ids: tuple[str, ...],
        category: str | None,
        read_patches: Callable[[], torch.Tensor],
        read_images: Callable[[], torch.Tensor] | None,
        find_stored: Callable[[], tuple[torch.Tensor, Sequence[int]]] | None = None,
        content_ids: tuple[str, ...] | None = None,
    ) -> None:
        self.ids = ids
        self.category = category
        self._data = conceal(BatchData(content_ids or ids, read_patches, read_images, find_stored))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def patches(self) -> torch.Tensor:
        """(B, P, D) float32 on the device, read on first use."""
        return reveal(self._data).patches

    def images(self) -> torch.Tensor:
        """Read the images (B, 3, H, W) uint8; needs `Method.uses_images = True`."""
        return reveal(self._data).read_images()


class _TrainingData:
    """The sources behind a training experience."""

    def __init__(
        self,
        patches: Mapping[str, PatchSource],
        pixels: Mapping[str, PatchSource],
        method_ids: MethodIds,
    ) -> None:
        self.patches = patches
        self.pixels = pixels
        self.method_ids = method_ids

    def source(self, category: str) -> PatchSource:
        """The patches of a category."""
        return _of_category(self.patches, category)

    def images(self, category: str) -> PatchSource:
        """The images of a category."""
        if not self.pixels:
            raise RuntimeError(_NEEDS_IMAGES)
        return _of_category(self.pixels, category)

    def count(self, category: str) -> int:
        """The number of training images of a category."""
        return len(self.source(category).ids)

    def read_patches(
        self, category: str, start: int = 0, size: int | None = None
    ) -> tuple[tuple[str, ...], torch.Tensor]:
        """Ids and patches of the images from `start` on, at most `size`."""
        source = self.source(category)
        end = len(source.ids) if size is None else min(start + size, len(source.ids))
        return self.method_ids(source.ids[start:end]), source.read(range(start, end))

    def read_images(self, category: str) -> tuple[tuple[str, ...], torch.Tensor]:
        """Ids and images of a category."""
        source = self.images(category)
        return self.method_ids(source.ids), source.read(range(len(source.ids)))


class BatchData:
    """What is behind a batch of test images, for services.

    Attributes:
        ids: (B,) content hashes, under which results are shared between runs.
    """

    def __init__(
        self,
        ids: tuple[str, ...],
        read_patches: Callable[[], torch.Tensor],
        read_images: Callable[[], torch.Tensor] | None,
        find_stored: Callable[[], tuple[torch.Tensor, Sequence[int]]] | None,
    ) -> None:
        self.ids = ids
        self._read_patches = read_patches
        self._read_images = read_images
        self._find_stored = find_stored

    def __len__(self) -> int:
        return len(self.ids)

    @functools.cached_property
    def patches(self) -> torch.Tensor:
        """(B, P, D) float32 on the device."""
        return self._read_patches()

    @functools.cached_property
    def stored(self) -> tuple[torch.Tensor, Sequence[int]]:
        """An array (N, P, D) in the stored type, and the batch's B rows in it.

        The array may be float16 and may be the memory-mapped cache file: do not write to it.
        """
        if self._find_stored is None:
            return self.patches, range(len(self.ids))
        return self._find_stored()

    def read_images(self) -> torch.Tensor:
        """The images (B, 3, H, W) uint8."""
        if self._read_images is None:
            raise RuntimeError(_NEEDS_IMAGES)
        return self._read_images()


def training_patches(experience: TrainExperience, category: str) -> PatchSource:
    """The cached training patches of a category, for services."""
    return reveal(experience._data).source(category)


def training_pixels(experience: TrainExperience, category: str) -> PatchSource:
    """The cached training images of a category."""
    return reveal(experience._data).images(category)


def batch_data(batch: TestBatch) -> BatchData:
    """What is behind a batch, for services."""
    return reveal(batch._data)


def _of_category(sources: Mapping[str, PatchSource], category: str) -> PatchSource:
    if category not in sources:
        there = ", ".join(sources) or "none"
        raise KeyError(f"category {category!r} is not in this experience; there are: {there}")
    return sources[category]
