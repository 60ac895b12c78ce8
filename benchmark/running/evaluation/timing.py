"""`cadbench run --time`: the time that a method needs by itself, with every shared cache off."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...features.feature_set import FeatureSet
from ...interface.experience import batch_data
from ...services.coresets.service import Coresets
from ...services.neighbors.service import Neighbors
from ...services.neighbors.union_search import Search
from ...streams.stream import Stream
from ...system.costs import CostMeter
from ...system.plugin_errors import attribute_errors_to
from ..cell import Cell
from ..devices import synchronize
from .batches import ImageRef, shuffled_batches, train_experience
from .evaluator import Services, build_method, make_loan
from .event_log import EventLog

IMAGES = 64
REPEATS = 5


@dataclass(frozen=True)
class Timing:
    """Durations with caches off, without the extraction of features (equal for all methods).

    Attributes:
        update_seconds: duration of `observe` for each experience.
        ms_per_image: median duration of `score` over the repeats, in milliseconds per image.
        images: number of test images that were scored.
        repeats: number of repeats.
        update_joules: energy of each update; None if the machine does not tell it.
    """

    update_seconds: list[float]
    ms_per_image: float
    images: int
    repeats: int
    update_joules: list[float] | None = None

    def as_dict(self) -> dict[str, Any]:
        """For run.json."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def measure_timing(cell: Cell, stream: Stream, features: FeatureSet, search: Search) -> Timing:
    """Run the stream once and score a fixed set of images, without sharing anything.

    Args:
        cell: the cell.
        stream: its stream.
        features: features of the images.
        search: the exact search of neighbors.
    """
    services = Services(Coresets(features.device), Neighbors(search))
    method = build_method(cell, features, make_loan(services, features, EventLog()))
    updates, joules = [], []
    for experience in stream.train_stream:
        training = train_experience(experience, stream, features, method.uses_images, cell.routing)
        with (
            attribute_errors_to(cell.method, type(method), "observe"),
            CostMeter(features.device) as meter,
        ):
            updates.append(_seconds(lambda e=training: method.observe(e), features))  # type: ignore[misc]
        joules.append(meter.joules)
    images = choose_images(stream, features)

    times = []
    for _ in range(REPEATS):
        method.context.neighbors.forget()
        shuffled = shuffled_batches(features, images, cell.routing, method.uses_images)
        batches = [batch for _, batch in shuffled]
        for batch in batches:
            batch.patches, batch_data(batch).stored  # read before the clock starts
        with attribute_errors_to(cell.method, type(method), "score"):
            times.append(_seconds(lambda bs=batches: [method.score(b) for b in bs], features))  # type: ignore[misc]
    ms = 1000 * statistics.median(times) / len(images)
    known = [each for each in joules if each is not None]
    energy = known if len(known) == len(joules) else None
    return Timing(updates, ms, len(images), REPEATS, energy)


def choose_images(stream: Stream, features: FeatureSet) -> Sequence[ImageRef]:
    """The first test images of the categories, one image per category in turn, up to `IMAGES`."""
    categories = stream.order.categories
    counts = {c: len(features.patches(c, "test").ids) for c in categories}
    rounds = range(max(counts.values()))
    return [(c, row) for row in rounds for c in categories if row < counts[c]][:IMAGES]


def _seconds(work: Callable[[], object], features: FeatureSet) -> float:
    synchronize(features.device)
    start = time.perf_counter()
    work()
    synchronize(features.device)
    return time.perf_counter() - start
