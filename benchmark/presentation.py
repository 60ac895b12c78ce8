"""What a method is shown: training experiences, and shuffled batches of test images.

Here the line runs between what the evaluator knows and what a method may know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from benchmark.features.feature_set import FeatureSet
from benchmark.features.source import PatchSource
from benchmark.method import Routing, TestBatch, TrainExperience
from benchmark.randomness import generator
from benchmark.stream import Experience, Stream

if TYPE_CHECKING:
    import torch

BATCH_SIZE = 32

Place: TypeAlias = tuple[str, int]
"""A test image: its category and its row in the category's test source."""


def train_experience(
    experience: Experience, stream: Stream, features: FeatureSet, uses_images: bool
) -> TrainExperience:
    """What the method observes; `uses_images` gives it the training images too."""
    return TrainExperience(
        experience.index,
        experience.categories,
        len(stream.seen(experience.index - 1)),
        {c: features.patches(c, "train") for c in experience.categories},
        {c: features.pixels(c, "train") for c in experience.categories if uses_images},
    )


def shuffled_batches(
    features: FeatureSet,
    places: Sequence[Place],
    routing: Routing,
    uses_images: bool,
    *,
    size: int = BATCH_SIZE,
    seed: int = 0,
) -> Iterator[tuple[list[Place], TestBatch]]:
    """Batches of test images with the places they stand for, which the method does not get.

    Under `oracle` a batch has one category, which is told; under `inferred` categories are mixed.
    The order is shuffled with a fixed seed and tells nothing about labels. A run uses the default
    size and seed.
    """
    categories = dict.fromkeys(category for category, _ in places)
    patches = {c: features.patches(c, "test") for c in categories}
    pixels = {c: features.pixels(c, "test") for c in categories if uses_images}
    # Readers know categories as numbers in the order of their content: under `inferred` routing no
    # name, and no place in the stream, may be found from a batch.
    numbered = sorted(categories, key=lambda c: patches[c].digest)
    number = {category: index for index, category in enumerate(numbered)}
    groups: dict[str, list[Place]] = {}
    for place in places:
        groups.setdefault(place[0] if routing == "oracle" else "", []).append(place)
    for name, group in groups.items():
        order = generator(seed, "test order", name).permutation(len(group))
        shuffled = [group[index] for index in order]
        for start in range(0, len(shuffled), size):
            chosen = shuffled[start : start + size]
            rows = [(number[category], row) for category, row in chosen]
            yield (
                chosen,
                TestBatch(
                    tuple(patches[c].ids[row] for c, row in chosen),
                    chosen[0][0] if routing == "oracle" else None,
                    partial(_read, [patches[c] for c in numbered], rows),
                    partial(_read, [pixels[c] for c in numbered if uses_images], rows),
                ),
            )


def _read(sources: Sequence[PatchSource], places: Sequence[tuple[int, int]]) -> torch.Tensor:
    """The arrays of the images at `places` (source, row), in that order, each source read once."""
    import torch

    by_source: dict[int, list[int]] = {}
    for index, (source, _) in enumerate(places):
        by_source.setdefault(source, []).append(index)
    read = torch.cat(
        [sources[s].read([places[i][1] for i in indices]) for s, indices in by_source.items()]
    )
    order = [index for indices in by_source.values() for index in indices]
    return read[torch.tensor(order, device=read.device).argsort()]
