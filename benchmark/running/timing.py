"""`cadbench run --time`: what a method costs by itself, with every shared cache off."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..features.feature_set import FeatureSet
from ..services.coresets.service import Coresets
from ..services.neighbors.service import Neighbors, Search
from ..streams.stream import Stream
from .batches import Place, shuffled_batches, train_experience
from .cell import Cell
from .evaluator import Services, build_method, synchronize

IMAGES = 64
REPEATS = 5


@dataclass(frozen=True)
class Timing:
    """Seconds of `observe` for each experience, and milliseconds an image of `score`, caches off.

    `images` fixed test images are scored, `repeats` times, and the median counts; extraction of
    features is not part of it (it is the same for every method of a backbone).
    """

    update_seconds: list[float]
    ms_per_image: float
    images: int
    repeats: int

    def as_dict(self) -> dict[str, Any]:
        """For run.json."""
        return asdict(self)


def measure(cell: Cell, stream: Stream, features: FeatureSet, search: Search) -> Timing:
    """Run the stream once and score the fixed images, sharing nothing with any other cell."""

    alone = Services(Coresets(features.device), Neighbors(search))
    method = build_method(cell, features, alone, [])
    updates = []
    for experience in stream.train_stream:
        shown = train_experience(experience, stream, features, method.uses_images, cell.routing)
        updates.append(_seconds(lambda shown=shown: method.observe(shown), features))  # type: ignore[misc]
    places = fixed_images(stream, features)

    times = []
    for _ in range(REPEATS):
        method.context.neighbors.forget()
        shuffled = shuffled_batches(features, places, cell.routing, method.uses_images)
        batches = [batch for _, batch in shuffled]
        for batch in batches:
            batch.patches, batch.stored  # noqa: B018 (read before the clock starts)
        times.append(_seconds(lambda shown=batches: [method.score(b) for b in shown], features))  # type: ignore[misc]
    return Timing(updates, 1000 * statistics.median(times) / len(places), len(places), REPEATS)


def fixed_images(stream: Stream, features: FeatureSet) -> Sequence[Place]:
    """Up to 64 test images, taken from the categories in turn."""
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
