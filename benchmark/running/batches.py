"""What a method is shown: training experiences, and shuffled batches of test images.

Here the line runs between what the evaluator knows and what a method may know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ..features.feature_set import FeatureSet
from ..features.source import PatchSource
from ..interface.context import Routing
from ..interface.experience import TestBatch, TrainExperience
from ..streams.blending import Shown
from ..streams.stream import Experience, Stream
from ..system.rng import generator

if TYPE_CHECKING:
    import torch

BATCH_SIZE = 32

Place: TypeAlias = tuple[str, int]
"""A test image: its column of R and its row in the column's test source."""


def train_experience(
    experience: Experience,
    stream: Stream,
    features: FeatureSet,
    uses_images: bool,
    routing: Routing = "oracle",
) -> TrainExperience:
    """What the method observes; `uses_images` gives it the training images too.

    It is told categories and never domains, as `told_names` says.
    """
    numbers: dict[str, int] = {}
    before = 0
    for index in range(1, experience.index + 1):
        before = len(numbers)
        for name in told_names(stream, index, routing).values():
            numbers.setdefault(name, len(numbers))
    parts: dict[str, Shown] = {}
    names = told_names(stream, experience.index, routing)
    for column, ids in stream.training(experience.index).items():
        parts.setdefault(names[column], {})[column] = ids
    return TrainExperience(
        experience.index,
        tuple(parts),
        before,
        {name: features.shown(part) for name, part in parts.items()},
        {name: features.shown(part, pixels=True) for name, part in parts.items() if uses_images},
        {name: numbers[name] for name in parts},
    )


def told_names(stream: Stream, index: int, routing: Routing) -> dict[str, str]:
    """Column -> what a method is told that its images in experience `index` (1-based) are.

    Their category; but where experiences blend and routing is inferred, nothing is told, neither
    in training nor at test time: an experience is one set of images, called by its number.
    """
    columns = stream.training(index)
    if stream.blend and routing == "inferred":
        return dict.fromkeys(columns, f"experience {index}")
    return {column: stream.category_of[column] for column in columns}


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

    Under `oracle` a batch has one category, which is told, and its domains are mixed; under
    `inferred` categories are mixed.
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
    category_of = features.manifest.category_of
    groups: dict[str, list[Place]] = {}
    for place in places:
        told = category_of[place[0]] if routing == "oracle" else ""
        groups.setdefault(told, []).append(place)
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
                    name if routing == "oracle" else None,
                    partial(_read, [patches[c] for c in numbered], rows),
                    partial(_read, [pixels[c] for c in numbered if uses_images], rows),
                    partial(_find, [patches[c] for c in numbered], rows),
                ),
            )


def _read(
    sources: Sequence[PatchSource], places: Sequence[tuple[int, int]], *, stored: bool = False
) -> torch.Tensor:
    """The arrays of the images at `places` (source, row), in that order, each source read once.

    `stored` leaves them in the type that is stored.
    """
    import torch

    by_source: dict[int, list[int]] = {}
    for index, (source, _) in enumerate(places):
        by_source.setdefault(source, []).append(index)
    parts = []
    for source, indices in by_source.items():
        read = sources[source].stored if stored else sources[source].read
        parts.append(read([places[index][1] for index in indices]))
    if len(parts) == 1:
        return parts[0]
    order = [index for indices in by_source.values() for index in indices]
    read_in_turn = torch.cat(parts)
    return read_in_turn[torch.tensor(order, device=read_in_turn.device).argsort()]


def _find(
    sources: Sequence[PatchSource], places: Sequence[tuple[int, int]]
) -> tuple[torch.Tensor, Sequence[int]]:
    """An array as it is stored and the rows of the images in it; read only where it must be."""
    if len({source for source, _ in places}) == 1:
        return sources[places[0][0]].find([row for _, row in places])
    return _read(sources, places, stored=True), range(len(places))
