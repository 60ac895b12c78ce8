"""`FeatureSet`: the features of a dataset, extracted if missing, read by category and split."""

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
from ..system.cache.last_use import announce_process
from ..system.processes import available_cores
from ..system.reporting import Reporter
from .cache.cached_patches import CachedPatchSource, DeviceCache
from .cache.extraction import Compute, fill_store
from .cache.shards import Shard, ShardStore, shards_of
from .feature_spec import EXTRACTION_VERSION, FeatureSpec
from .frozen_backbone import FrozenBackbone, load_frozen
from .weights import Weights

if TYPE_CHECKING:
    import torch

Split = Literal["train", "test"]

THREADS_PER_SHARD = 2
"""Threads that compute a shard on the CPU, however many cores there are: the last bits of a
convolution depend on the number of threads, and features must not."""

CUDA_THREADS = 2
"""Threads that feed a GPU: one prepares a shard while the other waits for its patches."""


@dataclass(eq=False)
class FeatureSet:
    """Features of one dataset, backbone and preprocessing, shared by all cells of a run.

    Attributes:
        manifest: the images.
        spec: the features.
        device: where features are computed and read to.
        cache: root of the cache on disk.
        as_published: the manifest with the splits by which the cache is divided, if images of
            `manifest` have moved to another split; None if none has.
    """

    manifest: Manifest
    spec: FeatureSpec
    device: torch.device
    cache: Path
    as_published: Manifest | None = None
    _sources: dict[tuple[str, str, str], CachedPatchSource] = field(
        default_factory=dict, repr=False
    )
    _subsets: dict[tuple[str, ...], CachedPatchSource] = field(default_factory=dict, repr=False)
    _weights: Weights | None = field(default=None, repr=False)
    _columns: dict[str, None] = field(default_factory=dict, repr=False)
    _deferred: Callable[[], None] | None = field(default=None, repr=False)

    def ensure(
        self, columns: Iterable[str], weights: Weights, reporter: Reporter, *, pixels: bool
    ) -> None:
        """Extract the features that are missing.

        Args:
            columns: the categories to have features of.
            weights: weights of the backbone.
            reporter: receives progress and warnings.
            pixels: also store the preprocessed images, for methods that use images.
        """
        announce_process(self.cache)
        self._weights = weights
        columns = tuple(columns)
        items = [item for column in columns for item in self._items(column)]
        shards = [shard for split in self._splits(columns) for shard in shards_of(split)]
        preprocessing = self.spec.preprocessing
        on_cuda = self.device.type == "cuda"
        fill_store(
            self._patch_store,
            shards,
            items,
            self.manifest.root,
            preprocessing,
            lambda: self._extractor(weights),
            reporter,
            task_name=f"extracting {self.spec.backbone} features",
            threads=CUDA_THREADS if on_cuda else max(1, available_cores() // THREADS_PER_SHARD),
            context=_reproducible,
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
                task_name="preparing images",
            )
        self._columns |= dict.fromkeys(columns)

    def defer(self, extract: Callable[[], None]) -> None:
        """Leave the remaining columns to `extract`, which `require` calls when it needs one."""
        self._deferred = extract

    def require(self, columns: Iterable[str]) -> None:
        """Extract all deferred columns, unless these columns are there."""
        if self._deferred is not None and not self._columns.keys() >= set(columns):
            self._deferred()
            self._deferred = None

    @property
    def extracted(self) -> tuple[str, ...]:
        """The columns that have features."""
        return tuple(self._columns)

    @property
    def is_deferred(self) -> bool:
        """Whether patches of some columns are still to be extracted."""
        if self._deferred is None:
            return False
        later = [c for c in self.manifest.columns if c not in self._columns]
        shards = (shard for split in self._splits(later) for shard in shards_of(split))
        return any(shard not in self._patch_store for shard in shards)

    def patches(self, category: str, split: Split) -> CachedPatchSource:
        """The patch embeddings of a category's split."""
        return self._source(self._patch_store, self.spec.digest, category, split)

    def pixels(self, category: str, split: Split) -> CachedPatchSource:
        """The preprocessed images of a category's split."""
        return self._source(self._pixel_store, self._pixel_digest, category, split)

    def training_subset(
        self, ids_of: Mapping[str, Sequence[str]], *, pixels: bool = False
    ) -> CachedPatchSource:
        """Selected training images of one or more columns, as one source.

        Args:
            ids_of: per column, the ids of the images.
            pixels: preprocessed images instead of patch embeddings.
        """
        read = self.pixels if pixels else self.patches
        if len(ids_of) == 1:
            ((column, ids),) = ids_of.items()
            if set(ids) == set(read(column, "train").ids):
                return read(column, "train")
        key = (str(pixels), *(f"{column}:{','.join(ids)}" for column, ids in ids_of.items()))
        if key not in self._subsets:
            shards = [shard for column in ids_of for shard in self._shards(column, "train")]
            store = self._pixel_store if pixels else self._patch_store
            digest = self._pixel_digest if pixels else self.spec.digest
            only = {identity for ids in ids_of.values() for identity in ids}
            by_id = any(self._has_moved(column, "train") for column in ids_of)
            self._subsets[key] = CachedPatchSource(
                store, shards, digest, self.device, only, by_id=by_id
            )
        return self._subsets[key]

    @functools.cached_property
    def shape(self) -> tuple[int, int]:
        """(P, D): patches per image and length of an embedding."""
        category = next(iter(self._columns), self.manifest.categories[0])
        first = self.patches(category, "train" if self.manifest.train(category) else "test")
        _, patches, dim = first.arrays()[0].shape
        return patches, dim

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w) of the patch grid; images are square after preprocessing."""
        side = math.isqrt(self.shape[0])
        return side, side

    @property
    def backbone(self) -> Callable[[], FrozenBackbone] | None:
        """A function that loads the backbone for a method; None before `ensure`.

        It leads to no image: only to the features' spec, the weights and the device.
        """
        if self._weights is None:
            return None
        return functools.partial(load_frozen, self.spec, self._weights, self.device)

    def _extractor(self, weights: Weights) -> Compute:
        """Load the backbone, and return the function that extracts the patches of a shard."""
        import torch

        from .extractor import load_extractor

        extractor = load_extractor(self.spec, weights, self.device)

        def compute(pixels: np.ndarray) -> np.ndarray:
            patches: np.ndarray = extractor.extract(torch.from_numpy(pixels)).numpy()
            return patches

        return compute

    def _source(
        self, store: ShardStore, digest: str, category: str, split: Split
    ) -> CachedPatchSource:
        key = (digest, category, split)
        if key not in self._sources:
            only = None
            if self._stored is not self.manifest:
                only = {item.content for item in getattr(self.manifest, split)(category)}
            self._sources[key] = CachedPatchSource(
                store,
                self._shards(category, split),
                digest,
                self.device,
                only,
                device_cache=self._device_cache if split == "test" else None,
                by_id=self._has_moved(category, split),
            )
        return self._sources[key]

    @property
    def _stored(self) -> Manifest:
        """The manifest with the splits by which the cache is divided."""
        return self.as_published or self.manifest

    def _has_moved(self, column: str, split: Split) -> bool:
        """Whether images of a split are stored with those of the other split."""
        if self._stored is self.manifest:
            return False
        stored = {item.content for item in getattr(self._stored, split)(column)}
        return any(item.content not in stored for item in getattr(self.manifest, split)(column))

    def _shards(self, column: str, split: Split) -> tuple[Shard, ...]:
        """The shards that hold the images of a column's split, and maybe others."""
        if self._has_moved(column, split):
            train, test = self._stored.train(column), self._stored.test(column)
            return shards_of(train) + shards_of(test)
        return shards_of(getattr(self._stored, split)(column))

    @functools.cached_property
    def _device_cache(self) -> DeviceCache | None:
        """On CUDA, a cache of a quarter of the free memory.

        It is for test images, which are read after every experience.
        """
        if self.device.type != "cuda":
            return None
        import torch

        free, _ = torch.cuda.mem_get_info(self.device)
        return DeviceCache(free // 4)

    def _items(self, category: str) -> tuple[Item, ...]:
        return self._stored.train(category) + self._stored.test(category)

    def _splits(self, categories: Iterable[str]) -> Iterable[tuple[Item, ...]]:
        for category in categories:
            yield self._stored.train(category)
            yield self._stored.test(category)

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
def _reproducible() -> Iterator[None]:
    """Make torch compute the same bits in this thread and in those that it starts.

    On the CPU the number of threads is fixed. The flags of cuDNN, which are global, are those of
    `Extractor.extract`, so that threads which leave it do not change them for the others.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(THREADS_PER_SHARD)
    try:
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_num_threads(before)
