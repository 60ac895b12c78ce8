"""A stream made in memory: drawn patch embeddings, no images on disk, no backbone."""

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
from ..data.drift.domains import Domain
from ..data.drift.drifted_manifest import add_domains
from ..data.images.preprocessing import Preprocessing
from ..data.manifest import Item, Manifest
from ..features.feature_set import FeatureSet
from ..features.shards import Shard, ShardStore
from ..features.spec import FeatureSpec
from ..features.weights import EMBEDDED_BACKBONE
from ..interface.context import MethodContext, Routing
from ..interface.experience import TestBatch, TrainExperience
from ..interface.method import CellFacts, Method
from ..interface.params import Params
from ..running.evaluation.batches import BATCH_SIZE, ImageRef, shuffled_batches, train_experience
from ..services.coresets.service import Coresets
from ..services.neighbors.search import exact_search
from ..services.neighbors.service import Neighbors
from ..streams.orders import resolve_order
from ..streams.stream import Stream
from ..system.rng import generator
from .mock_backbone import mock_backbone

_NAMES = ("anchor", "button", "candle", "funnel", "kettle", "magnet", "pulley", "walnut")
_PIXELS_A_PATCH = 8


@dataclass(frozen=True, eq=False)
class MockStream:
    """Categories with drawn features, and what is needed to run a method on them.

    Methods get the same objects as in a real run: experiences, batches, services.
    """

    features: FeatureSet
    domains: tuple[Domain, ...] = ()

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories, in the order of the stream."""
        return self.features.manifest.categories

    @property
    def facts(self) -> CellFacts:
        """What `Method.resolve` is told: the embedded backbone's name, and the categories."""
        spec, names = self.features.spec, tuple(sorted(self.categories))
        return CellFacts(spec.backbone, spec.embedding, len(names), names)

    def resolved(self, kind: type[Method], **params: Any) -> Params:
        """The method's parameters, those not given at their defaults, as a run would resolve them.

        `UsageError` names a wrong one.
        """
        try:
            given = kind.Params(**params)
        except TypeError as error:
            raise UsageError(f"parameters of {kind.__name__}: {error}") from None
        resolved: Params = kind.resolve(given, self.facts)
        return resolved

    def build(
        self,
        kind: type[Method],
        params: Params | None = None,
        *,
        routing: Routing = "oracle",
        seed: int = 0,
        services: Services | None = None,
    ) -> Method:
        """A method in its first state, with services of its own unless some are given."""
        services = services or self.services()
        context = MethodContext(
            seed=seed,
            device=self.features.device,
            feature_dim=self.features.shape[1],
            grid=self.features.grid,
            routing=routing,
            coresets=services.coresets,
            neighbors=services.neighbors,
            _record=services.note,
            _backbone=functools.partial(mock_backbone, self.features.device),
        )
        return kind(params or self.resolved(kind), context)

    def services(self) -> Services:
        """Services that nobody has used."""
        return Services(Coresets(self.features.device), Neighbors(exact_search()), events=[])

    def experiences(
        self, schedule: str = "1x*", *, images: bool = False
    ) -> Iterator[TrainExperience]:
        """The training stream; `images` gives the experiences their images too."""
        stream = self._stream(schedule)
        for experience in stream.train_stream:
            yield train_experience(experience, stream, self.features, images)

    def test_batches(
        self,
        categories: Sequence[str] | None = None,
        routing: Routing = "oracle",
        *,
        images: bool = False,
        size: int = BATCH_SIZE,
        seed: int = 0,
    ) -> Iterator[tuple[list[ImageRef], TestBatch]]:
        """Batches of test images, with the places (category, row) they stand for.

        Where categories return, the images of all their domains, and a place names the domain too.
        seed: of the order; the order of a run has seed 0.
        """
        chosen = self.categories if categories is None else categories
        columns = self._stream("1x*").category_of
        places = [
            (column, row)
            for category in dict.fromkeys(chosen)
            for column in (c for c, of in columns.items() if of == category)
            for row in range(len(self.features.patches(column, "test").ids))
        ]
        return shuffled_batches(self.features, places, routing, images, size=size, seed=seed)

    def _stream(self, schedule: str) -> Stream:
        order = resolve_order("alphabetical", self.categories)
        return Stream(self.features.manifest, order, schedule, self.domains)

    def returning(self, categories: int = 2) -> MockStream:
        """The same features of the first categories, each of which returns under one domain."""
        held, domains = self.features, (Domain("dark", 2),)
        assert isinstance(held, _HeldFeatures)
        few = held.manifest.subset(self.categories[:categories])
        drifted = add_domains(few, domains)
        moved = _HeldFeatures(drifted, held.spec, held.device, held.cache)
        for item in drifted.items:
            usual = (item.original or item).content
            patches, pixels = held.patch_arrays[usual], held.pixel_arrays[usual]
            changed = item.domain is not None
            moved.patch_arrays[item.content] = (patches * 0.6 + 0.5 if changed else patches).astype(
                np.float16
            )
            moved.pixel_arrays[item.content] = pixels // 2 if changed else pixels
        return MockStream(moved, domains)


@dataclass(eq=False)
class Services:
    """The caches that a method may use, and the events that it recorded."""

    coresets: Coresets
    neighbors: Neighbors
    events: list[dict[str, Any]]

    def note(self, kind: str, values: Any) -> None:
        """Keep an event."""
        self.events.append({"kind": kind, **values})


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
    """A stream of up to eight drawn categories.

    Each has `train` good images, and `test` of which every other one has a defect; an image is
    side x side patches of length dim (float16, as cached features are), and 8 * side pixels wide
    and high for methods that use images. Every other category is of one kind and overlaps with it,
    so that learning one can change the scores of another, and methods that group can group.
    """
    if not 1 <= categories <= len(_NAMES):
        raise UsageError(f"a mock stream has 1 to {len(_NAMES)} categories, not {categories}")
    items, patches, pixels = [], {}, {}
    for index, category in enumerate(_NAMES[:categories]):
        rng = generator(seed, "mock stream", category)
        usual = _pattern(seed, index % 2, side, dim) + rng.normal(0, 0.1, dim)
        for split, count in (("train", train), ("test", test)):
            for number in range(count):
                drawn = usual + rng.normal(0, 0.3, usual.shape)
                defective = split == "test" and number % 2 == 1
                if defective:
                    spot = rng.choice(side * side, max(1, side * side // 16), replace=False)
                    drawn[spot] += rng.normal(0, 1, dim)
                item = _item(category, split, "spot" if defective else "good", number, side)
                items.append(item)
                patches[item.content] = drawn.astype(np.float16)
                pixels[item.content] = _picture(drawn, side)
    size = side * _PIXELS_A_PATCH
    spec = FeatureSpec(
        backbone=EMBEDDED_BACKBONE,
        weights=f"mock:{seed}",
        layers=(8, 16),
        embedding="concat",
        embedding_params={"pool": 3},
        preprocessing=Preprocessing(resize=size, crop=size),
    )
    manifest = Manifest("mock", Path("mock"), tuple(items))
    held = _HeldFeatures(manifest, spec, torch.device(device), Path("mock"))
    held.patch_arrays.update(patches)
    held.pixel_arrays.update(pixels)
    return MockStream(held)


def _pattern(seed: int, kind: int, side: int, dim: int) -> np.ndarray:
    """(P, D) usual values of one kind of category, position by position."""
    rng = generator(seed, "mock stream kind", str(kind))
    return rng.normal(0, 0.3, (side * side, dim)) + rng.normal(0, 1, dim)


def _item(category: str, split: Any, defect: str, number: int, side: int) -> Item:
    path = f"{category}/{split}/{defect}/{number:03d}.png"
    content = hashlib.sha256(path.encode()).hexdigest()
    size = side * _PIXELS_A_PATCH
    return Item(category, split, defect, path, None, size, size, content, None)


def _picture(patches: np.ndarray, side: int) -> np.ndarray:
    """(3, S, S) uint8: a square of one color for each patch, which its first values decide."""
    colors = np.clip(128 + 40 * patches[:, :3], 0, 255).astype(np.uint8)
    picture = colors.T.reshape(3, side, side)
    return picture.repeat(_PIXELS_A_PATCH, axis=1).repeat(_PIXELS_A_PATCH, axis=2)


class _HeldStore(ShardStore):
    """Arrays in memory, read-only as the mapped ones are."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        super().__init__(Path("mock"))
        self._arrays = arrays

    def read(self, shard: Shard) -> np.ndarray:
        array = np.stack([self._arrays[identity] for identity in shard.ids])
        array.flags.writeable = False
        return array


@dataclass(eq=False)
class _HeldFeatures(FeatureSet):
    """A feature set whose arrays lie in memory, by image id."""

    patch_arrays: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    pixel_arrays: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    @functools.cached_property
    def _patch_store(self) -> ShardStore:
        return _HeldStore(self.patch_arrays)

    @functools.cached_property
    def _pixel_store(self) -> ShardStore:
        return _HeldStore(self.pixel_arrays)
