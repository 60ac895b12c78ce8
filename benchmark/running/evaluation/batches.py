"""What a method receives: training experiences, and shuffled batches of test images.

This is the border between what the evaluator knows and what a method may know.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from ...features.cache.cached_patches import CachedPatchSource
from ...features.feature_set import FeatureSet, Split
from ...interface.context import Routing
from ...interface.experience import MethodIds, TestBatch, TrainExperience
from ...streams.blending import TrainingIds
from ...streams.stream import Experience, Stream
from ...system.rng import generator

if TYPE_CHECKING:
    import torch

BATCH_SIZE = 32

SourceRow: TypeAlias = tuple[CachedPatchSource, int]
"""A source and the row of an image in it."""

ImageRef: TypeAlias = tuple[str, int]
"""An image to score: its column of R, and its row in the source of the column's split."""


def train_experience(
    experience: Experience,
    stream: Stream,
    features: FeatureSet,
    uses_images: bool,
    routing: Routing = "oracle",
    method_ids: MethodIds = tuple,
) -> TrainExperience:
    """Make the experience that the method observes.

    Args:
        uses_images: whether the method gets the training images too.
        routing: decides the names that the method gets, see `names_for_method`.
        method_ids: makes the image ids that the method gets; the default keeps content hashes.

    Returns:
        The training images by category, without their domains.
    """
    before = len(names_received(stream, experience.index - 1, routing))
    names = names_received(stream, experience.index, routing)
    parts = training_parts(stream, experience.index, routing)
    return TrainExperience(
        experience.index,
        tuple(parts),
        before,
        {name: features.training_subset(part) for name, part in parts.items()},
        {
            name: features.training_subset(part, pixels=True)
            for name, part in parts.items()
            if uses_images
        },
        {name: names.index(name) for name in parts},
        method_ids,
    )


def training_parts(stream: Stream, index: int, routing: Routing) -> dict[str, TrainingIds]:
    """Ids of the training images of experience `index` by the name that the method gets."""
    parts: dict[str, TrainingIds] = {}
    names = names_for_method(stream, index, routing)
    for column, ids in stream.training(index).items():
        parts.setdefault(names[column], {})[column] = ids
    return parts


def names_for_method(stream: Stream, index: int, routing: Routing) -> dict[str, str]:
    """The category names under which a method gets the training images of an experience.

    A blended stream under inferred routing is task-free: the method gets no category names, neither
    in training nor at test time. All images of experience 3 have the name `experience 3`.

    Args:
        index: number of the experience, from 1.

    Returns:
        The name for each column that the experience has images of.
    """
    columns = stream.training(index)
    if stream.blend and routing == "inferred":
        return dict.fromkeys(columns, f"experience {index}")
    return {column: stream.category_of[column] for column in columns}


def names_received(stream: Stream, index: int, routing: Routing) -> list[str]:
    """The names that a method has received up to an experience, in that order, each once."""
    each = (names_for_method(stream, t, routing).values() for t in range(1, index + 1))
    return list(dict.fromkeys(chain.from_iterable(each)))


def shuffled_batches(
    features: FeatureSet,
    images: Sequence[ImageRef],
    routing: Routing,
    uses_images: bool,
    *,
    size: int = BATCH_SIZE,
    seed: int = 0,
    method_ids: MethodIds = tuple,
    split: Split = "test",
) -> Iterator[tuple[list[ImageRef], TestBatch]]:
    """Divide test images into batches whose order does not depend on labels.

    Under `oracle` routing a batch has one category, in all its domains, and names it; under
    `inferred` routing categories are mixed.

    Args:
        uses_images: whether the batches give access to pixels.
        size: images per batch; runs use the default.
        seed: seed of the order; runs use the default.
        method_ids: makes the image ids that the method gets; the default keeps content hashes.
        split: the split of the images; `train` for held-out ones.

    Yields:
        The images of a batch, which the method does not get, and the batch.
    """
    columns = dict.fromkeys(column for column, _ in images)
    patches = {c: features.patches(c, split) for c in columns}
    pixels = {c: features.pixels(c, split) for c in columns if uses_images}
    category_of = features.manifest.category_of
    groups: dict[str, list[ImageRef]] = {}
    for image in images:
        group = category_of[image[0]] if routing == "oracle" else ""
        groups.setdefault(group, []).append(image)
    for name, members in groups.items():
        order = generator(seed, "test order", name).permutation(len(members))
        shuffled = [members[index] for index in order]
        for start in range(0, len(shuffled), size):
            chosen = shuffled[start : start + size]
            images_of_batch = [(pixels[c], row) for c, row in chosen] if uses_images else None
            patches_of_batch = [(patches[c], row) for c, row in chosen]
            content_ids = tuple(source.ids[row] for source, row in patches_of_batch)
            yield (
                chosen,
                TestBatch(
                    method_ids(content_ids),
                    name if routing == "oracle" else None,
                    partial(_read, patches_of_batch),
                    partial(_read, images_of_batch) if images_of_batch else None,
                    partial(_find_array, patches_of_batch),
                    content_ids,
                ),
            )


def _read(rows: Sequence[SourceRow], *, stored: bool = False) -> torch.Tensor:
    """Read arrays in the order of `rows`, opening each source once.

    Args:
        rows: source and row of each image.
        stored: whether to keep the type of the stored arrays.
    """
    import torch

    by_source: dict[CachedPatchSource, list[int]] = {}
    for source, row in rows:
        by_source.setdefault(source, []).append(row)
    found = {s: (s.read_stored if stored else s.read)(own) for s, own in by_source.items()}
    if len(found) == 1:
        return found[rows[0][0]]
    images = {source: iter(arrays) for source, arrays in found.items()}
    return torch.stack([next(images[source]) for source, _ in rows])


def _find_array(rows: Sequence[SourceRow]) -> tuple[torch.Tensor, Sequence[int]]:
    """An array that holds the images, and their rows in it; copies only if there are several."""
    if len({source for source, _ in rows}) == 1:
        return rows[0][0].find([row for _, row in rows])
    return _read(rows, stored=True), range(len(rows))


class SaltedIds:
    """Keyed hashes of content hashes: equal images have equal ids, and every run has its own.

    A method therefore cannot look an image up in a table of a public dataset by its id. Records and
    caches keep the content hashes.

    Attributes:
        salt: the key, 16 random bytes unless it is that of an interrupted run.
    """

    def __init__(self, salt: bytes | None = None) -> None:
        self.salt = salt or os.urandom(16)

    def __call__(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Return the ids for a method, in the order of these content hashes."""
        hashed = (hashlib.blake2b(each.encode(), key=self.salt, digest_size=32) for each in ids)
        return tuple(each.hexdigest() for each in hashed)
