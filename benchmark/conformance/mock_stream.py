"""A small stream in memory: random patch embeddings, no image files, no backbone."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...results.errors import UsageError
from ..data.domains import Domain
from ..data.drifted_manifest import add_domains
from ..data.images.preprocessing import Preprocessing
from ..data.item import Item
from ..data.manifest import Manifest
from ..features.cache.shards import Shard, ShardStore
from ..features.feature_set import FeatureSet
from ..features.feature_spec import FeatureSpec
from ..features.weights import EMBEDDED_BACKBONE
from ..interface.context import Routing
from ..interface.experience import TestBatch, TrainExperience
from ..interface.method import CellFacts, Method
from ..interface.params import Params
from ..plugins.class_methods import resolve_params
from ..running.evaluation.batches import (
    BATCH_SIZE,
    ImageRef,
    SaltedIds,
    shuffled_batches,
    train_experience,
)
from ..running.evaluation.event_log import EventLog
from ..running.evaluation.lending import Loan
from ..services.coresets.service import Coresets
from ..services.neighbors.service import Neighbors
from ..streams.orders import resolve_order
from ..streams.stream import Stream
from ..system.rng import generator
from .mock_backbone import mock_backbone, mock_transformer

_NAMES = ("anchor", "button", "candle", "funnel", "kettle", "magnet", "pulley", "walnut")
_PIXELS_PER_PATCH = 8


@dataclass(frozen=True, eq=False)
class MockStream:
    """Categories with random features, to run a method on.

    Methods get the same objects as in a real run: experiences, batches and services.
    """

    features: FeatureSet
    domains: tuple[Domain, ...] = ()
    method_ids: SaltedIds = field(default_factory=SaltedIds, repr=False)

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories, in the order of the stream."""
        return self.features.manifest.categories

    @property
    def facts(self) -> CellFacts:
        """The facts for `Method.resolve`: the name of the embedded backbone, and the categories."""
        spec, names = self.features.spec, tuple(sorted(self.categories))
        return CellFacts(spec.backbone, spec.embedding, len(names), names)

    def resolved(self, kind: type[Method], **params: Any) -> Params:
        """The parameters of a method, resolved as in a run.

        Args:
            kind: the method class.
            **params: parameters; the others have their defaults.

        Raises:
            UsageError: a parameter is wrong.
        """
        try:
            given = kind.Params(**params)
        except TypeError as error:
            raise UsageError(f"parameters of {kind.__name__}: {error}") from None
        return resolve_params(kind.__name__, kind, given, self.facts)

    def build(
        self,
        kind: type[Method],
        params: Params | None = None,
        *,
        routing: Routing = "oracle",
        seed: int = 0,
        services: Services | None = None,
    ) -> Method:
        """Create a method.

        Args:
            kind: the method class.
            params: resolved parameters; None for the defaults.
            routing: routing of the run.
            seed: seed of the method's random generators.
            services: None for unused services.
        """
        services = services or self.services()
        mock = mock_transformer if kind.needs_transformer else mock_backbone
        load_backbone = functools.partial(mock, self.features.device)
        loan = Loan(services.coresets, services.neighbors, load_backbone, services.log.record)
        context = loan.context(self.features, seed, routing)
        return kind(params or self.resolved(kind), context)

    def services(self) -> Services:
        """Create unused services."""
        cache = self.features.cache if self.features.cache.is_dir() else None
        return Services(Coresets(self.features.device, cache), Neighbors(), events=[])

    def experiences(
        self, schedule: str = "1x*", *, images: bool = False
    ) -> Iterator[TrainExperience]:
        """The training stream.

        Args:
            schedule: sizes of the experiences.
            images: whether the experiences have images too.
        """
        stream = self._stream(schedule)
        for experience in stream.train_stream:
            yield train_experience(
                experience, stream, self.features, images, method_ids=self.method_ids
            )

    def test_batches(
        self,
        categories: Sequence[str] | None = None,
        routing: Routing = "oracle",
        *,
        images: bool = False,
        size: int = BATCH_SIZE,
        seed: int = 0,
    ) -> Iterator[tuple[list[ImageRef], TestBatch]]:
        """Batches of test images, in all domains of their categories.

        Args:
            categories: the categories to score; None for all.
            routing: routing of the run.
            images: whether the batches have pixels too.
            size: images per batch.
            seed: seed of the order; a run uses 0.

        Yields:
            (column, row) of each image, and the batch.
        """
        chosen = self.categories if categories is None else categories
        columns = self._stream("1x*").category_of
        refs = [
            (column, row)
            for category in dict.fromkeys(chosen)
            for column in (c for c, of in columns.items() if of == category)
            for row in range(len(self.features.patches(column, "test").ids))
        ]
        return shuffled_batches(
            self.features,
            refs,
            routing,
            images,
            size=size,
            seed=seed,
            method_ids=self.method_ids,
        )

    def _stream(self, schedule: str) -> Stream:
        order = resolve_order("alphabetical", self.categories)
        return Stream(self.features.manifest, order, schedule, self.domains)

    def returning(self, categories: int = 2) -> MockStream:
        """A stream of the first categories in which each returns under one domain."""
        features, domains = self.features, (Domain("dark", 2),)
        assert isinstance(features, _MemoryFeatures)
        few = features.manifest.subset(self.categories[:categories])
        drifted = add_domains(few, domains)
        moved = _MemoryFeatures(drifted, features.spec, features.device, features.cache)
        for item in drifted.items:
            original = (item.original or item).content
            patches, pixels = features.patch_arrays[original], features.pixel_arrays[original]
            returns = item.domain is not None
            moved.patch_arrays[item.content] = (patches * 0.6 + 0.5 if returns else patches).astype(
                np.float16
            )
            moved.pixel_arrays[item.content] = pixels // 2 if returns else pixels
        return MockStream(moved, domains)


@dataclass(eq=False)
class Services:
    """The caches that a method uses, and the events that it recorded."""

    coresets: Coresets
    neighbors: Neighbors
    events: list[dict[str, Any]]

    def __post_init__(self) -> None:
        self.log = EventLog(self.events)


def mock_stream(
    *,
    categories: int = 4,
    train: int = 8,
    test: int = 8,
    side: int = 8,
    dim: int = 64,
    seed: int = 0,
    device: str = "cpu",
) -> MockStream:
    """Make a stream of random categories.

    Every second test image has a defect. Categories are of two kinds in turn, and those of one kind
    overlap: learning one can change the scores of another, and methods that group find groups.

    Args:
        categories: number of categories, 1 to 8.
        train: good training images per category.
        test: test images per category.
        side: an image has side x side patches, and 8 * side pixels in width and height.
        dim: length of a patch embedding (float16, as in the feature cache).
        seed: seed of the features.
        device: device of the methods.

    Raises:
        UsageError: there cannot be so many categories.
    """
    if not 1 <= categories <= len(_NAMES):
        raise UsageError(f"a mock stream has 1 to {len(_NAMES)} categories, not {categories}")
    items, patches, pixels = [], {}, {}
    for index, category in enumerate(_NAMES[:categories]):
        rng = generator(seed, "mock stream", category)
        pattern = _pattern(seed, index % 2, side, dim) + rng.normal(0, 0.1, dim)
        for split, count in (("train", train), ("test", test)):
            for number in range(count):
                values = pattern + rng.normal(0, 0.3, pattern.shape)
                defective = split == "test" and number % 2 == 1
                if defective:
                    spot = rng.choice(side * side, max(1, side * side // 16), replace=False)
                    values[spot] += rng.normal(0, 1, dim)
                item = _item(category, split, "spot" if defective else "good", number, side)
                items.append(item)
                patches[item.content] = values.astype(np.float16)
                pixels[item.content] = _pixels(values, side)
    size = side * _PIXELS_PER_PATCH
    spec = FeatureSpec(
        backbone=EMBEDDED_BACKBONE,
        weights=f"mock:{seed}",
        layers=(8, 16),
        embedding="concat",
        embedding_params={"pool": 3},
        preprocessing=Preprocessing(resize=size, crop=size),
    )
    manifest = Manifest("mock", Path("mock"), tuple(items))
    features = _MemoryFeatures(manifest, spec, torch.device(device), Path("mock"))
    features.patch_arrays.update(patches)
    features.pixel_arrays.update(pixels)
    return MockStream(features)


def _pattern(seed: int, kind: int, side: int, dim: int) -> np.ndarray:
    """Mean patches (P, D) of one kind of category."""
    rng = generator(seed, "mock stream kind", str(kind))
    return rng.normal(0, 0.3, (side * side, dim)) + rng.normal(0, 1, dim)


def _item(category: str, split: Any, defect: str, number: int, side: int) -> Item:
    path = f"{category}/{split}/{defect}/{number:03d}.png"
    content = hashlib.sha256(path.encode()).hexdigest()
    size = side * _PIXELS_PER_PATCH
    return Item(category, split, defect, path, None, size, size, content, None)


def _pixels(patches: np.ndarray, side: int) -> np.ndarray:
    """Image (3, S, S) uint8: one square per patch, colored by its first three values."""
    colors = np.clip(128 + 40 * patches[:, :3], 0, 255).astype(np.uint8)
    small = colors.T.reshape(3, side, side)
    return small.repeat(_PIXELS_PER_PATCH, axis=1).repeat(_PIXELS_PER_PATCH, axis=2)


class _MemoryStore(ShardStore):
    """Arrays in memory, read-only like memory-mapped ones."""

    def __init__(self, folder: Path, arrays: dict[str, np.ndarray]) -> None:
        super().__init__(folder)
        self._arrays = arrays

    def read(self, shard: Shard) -> np.ndarray:
        array = np.stack([self._arrays[identity] for identity in shard.ids])
        array.flags.writeable = False
        return array


@dataclass(eq=False)
class _MemoryFeatures(FeatureSet):
    """A feature set whose arrays are in memory, by image id."""

    patch_arrays: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    pixel_arrays: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    @functools.cached_property
    def _patch_store(self) -> ShardStore:
        return _MemoryStore(self.cache / "features", self.patch_arrays)

    @functools.cached_property
    def _pixel_store(self) -> ShardStore:
        return _MemoryStore(self.cache / "pixels", self.pixel_arrays)
