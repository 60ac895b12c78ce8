"""The features of a dataset: extracted where they are missing, then read by category and split."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...results.records.schema import canonical_json
from ..data.item import Item
from ..data.manifest import Manifest
from ..system.processes import available_cores
from ..system.reporting import Reporter
from .extraction import Compute, fill_store
from .frozen import FrozenBackbone, load_frozen
from .shards import ShardStore, shards_of
from .source import PatchSource, Resident
from .spec import EXTRACTION_VERSION, FeatureSpec
from .weights import Weights

if TYPE_CHECKING:
    import torch

Split = Literal["train", "test"]

LANE_THREADS = 2
"""Threads that compute a shard on a CPU, however many cores there are: a convolution's last bits
depend on the number, and features must not."""


@dataclass(eq=False)
class FeatureSet:
    """Features of one dataset, one backbone, one preprocessing; shared by every cell of a run."""

    manifest: Manifest
    spec: FeatureSpec
    device: torch.device
    cache: Path
    _sources: dict[tuple[str, str, str], PatchSource] = field(default_factory=dict, repr=False)
    _parts_of: dict[tuple[str, ...], PatchSource] = field(default_factory=dict, repr=False)
    _weights: Weights | None = field(default=None, repr=False)

    def ensure(
        self, columns: Iterable[str], weights: Weights, reporter: Reporter, *, pixels: bool
    ) -> None:
        """Extract what is missing for these columns; `pixels` also keeps the images ready."""
        self._weights = weights
        columns = tuple(columns)
        items = [item for column in columns for item in self._items(column)]
        shards = [shard for part in self._parts(columns) for shard in shards_of(part)]
        preprocessing = self.spec.preprocessing
        fill_store(
            self._patch_store,
            shards,
            items,
            self.manifest.root,
            preprocessing,
            lambda: self._extractor(weights),
            reporter,
            what=f"extracting {self.spec.backbone} features",
            lanes=1 if self.device.type == "cuda" else max(1, available_cores() // LANE_THREADS),
            setting=_lane_threads,
        )
        if pixels:
            fill_store(
                self._pixel_store,
                shards,
                items,
                self.manifest.root,
                preprocessing,
                lambda: lambda images: images,
                reporter,
                what="preparing images",
            )

    def patches(self, category: str, split: Split) -> PatchSource:
        """The patch embeddings of a category's split."""
        return self._source(self._patch_store, self.spec.digest, category, split)

    def pixels(self, category: str, split: Split) -> PatchSource:
        """The preprocessed images of a category's split."""
        return self._source(self._pixel_store, self._pixel_digest, category, split)

    def shown(self, parts: Mapping[str, Sequence[str]], *, pixels: bool = False) -> PatchSource:
        """Some training images of some columns as one source: the ids of each."""
        read = self.pixels if pixels else self.patches
        if len(parts) == 1:
            ((column, ids),) = parts.items()
            if set(ids) == set(read(column, "train").ids):
                return read(column, "train")
        place = (str(pixels), *(f"{column}:{','.join(ids)}" for column, ids in parts.items()))
        if place not in self._parts_of:
            items = (self.manifest.train(column) for column in parts)
            shards = [shard for of_column in items for shard in shards_of(of_column)]
            store = self._pixel_store if pixels else self._patch_store
            digest = self._pixel_digest if pixels else self.spec.digest
            only = {identity for ids in parts.values() for identity in ids}
            self._parts_of[place] = PatchSource(store, shards, digest, self.device, only)
        return self._parts_of[place]

    @functools.cached_property
    def shape(self) -> tuple[int, int]:
        """(P, D): patches an image and length of an embedding."""
        first = self.patches(self.manifest.categories[0], "train")
        _, patches, dim = first.arrays()[0].shape
        return patches, dim

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w) of the patches; images are square after preprocessing."""
        side = math.isqrt(self.shape[0])
        return side, side

    @property
    def backbone(self) -> Callable[[], FrozenBackbone] | None:
        """What loads the backbone for a method, once `ensure` was told its weights.

        It leads to no image: only to the features' description, the weights and the device.
        """
        if self._weights is None:
            return None
        return functools.partial(load_frozen, self.spec, self._weights, self.device)

    def _extractor(self, weights: Weights) -> Compute:
        import torch

        from .backbones import load_extractor

        extractor = load_extractor(self.spec, weights, self.device)

        def compute(pixels: np.ndarray) -> np.ndarray:
            extracted: np.ndarray = extractor.extract(torch.from_numpy(pixels)).numpy()
            return extracted

        return compute

    def _source(self, store: ShardStore, digest: str, category: str, split: Split) -> PatchSource:
        place = (digest, category, split)
        if place not in self._sources:
            shards = shards_of(getattr(self.manifest, split)(category))
            resident = self._resident if split == "test" else None
            self._sources[place] = PatchSource(
                store, shards, digest, self.device, resident=resident
            )
        return self._sources[place]

    @functools.cached_property
    def _resident(self) -> Resident | None:
        """On CUDA, room for test images, which come again and again: a quarter of what is free."""
        if self.device.type != "cuda":
            return None
        import torch

        free, _ = torch.cuda.mem_get_info(self.device)
        return Resident(free // 4)

    def _items(self, category: str) -> tuple[Item, ...]:
        return self.manifest.train(category) + self.manifest.test(category)

    def _parts(self, categories: Iterable[str]) -> Iterable[tuple[Item, ...]]:
        for category in categories:
            yield self.manifest.train(category)
            yield self.manifest.test(category)

    @functools.cached_property
    def _patch_store(self) -> ShardStore:
        return ShardStore(self.cache / "features" / self.spec.digest)

    @functools.cached_property
    def _pixel_store(self) -> ShardStore:
        return ShardStore(self.cache / "pixels" / self._pixel_digest)

    @property
    def _pixel_digest(self) -> str:
        content = {
            "preprocessing": self.spec.preprocessing.as_dict(),
            "extraction": EXTRACTION_VERSION,
        }
        return hashlib.sha256(canonical_json(content)).hexdigest()


@contextlib.contextmanager
def _lane_threads() -> Iterator[None]:
    """Let this thread, and those that it starts, compute with `LANE_THREADS` threads each."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(LANE_THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)
