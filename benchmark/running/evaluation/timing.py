"""`cadbench run --time`: the time that a method needs by itself, with every shared cache off."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...features.feature_set import FeatureSet
from ...interface.experience import batch_data
from ...services.coresets.service import Coresets
from ...services.neighbors.service import Neighbors
from ...streams.stream import Stream
from ...system.costs import CostMeter
from ...system.plugin_errors import attribute_errors_to
from ..cell import Cell
from ..devices import synchronize
from .batches import ImageRef, shuffled_batches, train_experience
from .trial import Services, build_method

IMAGES = 64
REPEATS = 5


def measure_timing(cell: Cell, stream: Stream, features: FeatureSet) -> dict[str, Any]:
    """Run the stream once and score a fixed set of images, without sharing anything.

    Returns:
        For run.json, without the extraction of features, which is equal for all methods:
        `update_seconds` and, if the machine tells it, `update_joules` of each experience,
        `ms_per_image` (median over the repeats), and the numbers of `images` and `repeats`.
    """
    services = Services(Coresets(features.device), Neighbors())
    method, _ = build_method(cell, features, services)
    updates: list[float] = []
    times: list[float] = []
    joules = []
    for experience in stream.train_stream:
        training = train_experience(experience, stream, features, method.uses_images, cell.routing)
        with (
            attribute_errors_to(cell.method, type(method), "observe"),
            CostMeter(features.device) as meter,
            _timed(features, updates),
        ):
            method.observe(training)
        joules.append(meter.joules)
    images = choose_images(stream, features)
    for _ in range(REPEATS):
        method.context.neighbors.forget()
        shuffled = shuffled_batches(features, images, cell.routing, method.uses_images)
        batches = [batch for _, batch in shuffled]
        for batch in batches:
            batch.patches, batch_data(batch).stored  # read before the clock starts
        with attribute_errors_to(cell.method, type(method), "score"), _timed(features, times):
            for batch in batches:
                method.score(batch)
    timing: dict[str, Any] = {
        "update_seconds": updates,
        "ms_per_image": 1000 * statistics.median(times) / len(images),
        "images": len(images),
        "repeats": REPEATS,
    }
    if None not in joules:
        timing["update_joules"] = joules
    return timing


def choose_images(stream: Stream, features: FeatureSet) -> Sequence[ImageRef]:
    """The first test images of the categories, one image per category in turn, up to `IMAGES`."""
    categories = stream.order.categories
    counts = {c: len(features.patches(c, "test").ids) for c in categories}
    rounds = range(max(counts.values()))
    return [(c, row) for row in rounds for c in categories if row < counts[c]][:IMAGES]


@contextmanager
def _timed(features: FeatureSet, seconds: list[float]) -> Iterator[None]:
    """Append the duration of a block."""
    synchronize(features.device)
    start = time.perf_counter()
    yield
    synchronize(features.device)
    seconds.append(time.perf_counter() - start)
