"""The check that what a method receives gives away no label: a walk, and controls that cheat."""

from __future__ import annotations

import dataclasses
import itertools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ...results.metrics.image.auroc import auroc
from ..interface.context import Routing
from .cheats import CHEATS, Cheat
from .leak_walk import find_leak
from .mock_stream import MockStream, mock_stream
from .playback import Failed, Subject

_CHANCE = 0.2
"""AUROC of controls: from 0.2 to 0.8. With 48 good and 48 defective images, guessing leaves this
range once in a million runs."""


def leakage(subject: Subject) -> None:
    """what a method receives leads to no file; methods that cheat reach only chance"""
    with tempfile.TemporaryDirectory() as folder:
        stream = control_stream(Path(folder))
        for routing in subject.kind.routings:
            _walk(subject, stream, routing)
            for cheat in CHEATS:
                if found := run_control(stream, cheat, routing):
                    raise Failed(f"cadbench itself leaks: {cheat.__name__} {found}")


def control_stream(cache: Path) -> MockStream:
    """A stream of four categories with its manifest in a cache folder, as in a run."""
    stream = mock_stream(train=2, test=24, side=4, dim=8)
    features = dataclasses.replace(stream.features, cache=cache)
    files = {item.path: [item.content] for item in features.manifest.items}
    (cache / "manifests").mkdir()
    (cache / "manifests" / "mock.json").write_text(json.dumps({"files": files}))
    return dataclasses.replace(stream, features=features)


def run_control(stream: MockStream, cheat: type[Cheat], routing: Routing) -> str | None:
    """Run a cheating method.

    Args:
        stream: a stream with a cache folder.
        cheat: the method.
        routing: routing of the run.

    Returns:
        What it found out, such as `finds labels: AUROC 1.000`; None if only chance.
    """
    method = stream.build(cheat, routing=routing)
    for experience in stream.experiences():
        method.observe(experience)
    labels, guesses, pairs, grouped = [], [], [], []
    for images, batch in stream.test_batches(routing=routing):
        prediction = method.score(batch)
        labels += [_label(stream, column, row) for column, row in images]
        guesses += prediction.image_scores.tolist()
        assert prediction.route is not None
        members = zip(images, prediction.route.tolist(), strict=True)
        for ((one, _), here), ((other, _), there) in itertools.combinations(members, 2):
            pairs.append(one == other)
            grouped.append(here == there)
    if not _CHANCE <= (reached := auroc(guesses, labels)) <= 1 - _CHANCE:
        return f"finds labels under {routing} routing: AUROC {reached:.3f}"
    if routing == "inferred" and (reached := auroc(grouped, pairs)) > 1 - _CHANCE:
        return f"finds images of one category under inferred routing: AUROC {reached:.3f}"
    return None


def _walk(subject: Subject, stream: MockStream, routing: Routing) -> None:
    """Raise `Failed` if a file or an object of the run is reachable from what a method receives."""
    images = subject.kind.uses_images
    context = stream.build(Cheat, routing=routing).context
    for received in _received(stream, routing, images):
        if (found := find_leak(context, *received)) is not None:
            raise Failed(f"cadbench itself leaks: a method can reach {found}")


def _received(stream: MockStream, routing: Routing, images: bool) -> Iterator[tuple[object, ...]]:
    """What a method gets, and what reading it returns."""
    experience = next(stream.experiences(images=images))
    category = experience.categories[0]
    begun = experience.batches(category, 1)
    yield experience, experience.patches(category), next(begun), begun
    if images:
        yield experience, experience.images(category)
    _, batch = next(iter(stream.test_batches(routing=routing, images=images)))
    yield batch, batch.patches, batch.images() if images else None


def _label(stream: MockStream, column: str, row: int) -> int:
    identity = stream.features.patches(column, "test").ids[row]
    return next(
        item.label for item in stream.features.manifest.test(column) if item.content == identity
    )
