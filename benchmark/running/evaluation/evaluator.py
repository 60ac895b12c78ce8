"""The evaluator: gives a method the stream, scores the test images, and keeps every raw score.

Methods get training patches, opaque ids and services. Labels, masks and files stay here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ....results.errors import CadbenchError
from ....results.records.schema import UTILIZATION
from ...features.feature_set import FeatureSet
from ...interface.context import MethodContext
from ...interface.method import Method
from ...interface.prediction import ExpertMemory, MemoryReport
from ...pixels.meter import PixelMeter
from ...services.coresets.service import Coresets
from ...services.neighbors.service import Neighbors
from ...streams.stream import Experience, Stream
from ...system.plugin_errors import attribute_errors_to
from ...system.reporting import Reporter, Silent
from ..cell import Cell
from ..devices import synchronize
from .assignment_events import Event, complete_events
from .batches import names_for_method, train_experience
from .prefetch import CoresetPrefetcher
from .progress import Progress, Step
from .scoring import score_columns

Maps: TypeAlias = Literal["final", "all", "none"]
"""Which maps a record keeps: those of the last experience, of all experiences, or none."""

_PIXEL_LAG = 4
"""How many experiences the pixel metrics may lag behind the scores. Some experiences change many
maps and others none, so a lag evens out the load."""


@dataclass
class Services:
    """The caches that cells share."""

    coresets: Coresets
    neighbors: Neighbors


def evaluate(
    cell: Cell,
    stream: Stream,
    features: FeatureSet,
    services: Services,
    *,
    maps: Maps = "final",
    meter: PixelMeter | None = None,
    progress: Progress | None = None,
    checkpoint: Callable[[Progress], None] = lambda progress: None,
    reporter: Reporter | None = None,
    prefetcher: CoresetPrefetcher | None = None,
) -> Progress:
    """Run a cell to the end of its stream.

    Args:
        cell: the cell.
        stream: its stream.
        features: features of the images of the stream.
        services: the caches that the method uses.
        maps: which anomaly maps to keep.
        meter: measures the maps of every experience in the background, whatever `maps` is; None
            measures nothing.
        progress: where to continue; None starts at the first experience. It is changed in place.
        checkpoint: called after each experience, with the state of the method.
        reporter: shows how many experiences are done.
        prefetcher: selects coresets of later experiences in the background; None selects none.

    Returns:
        All that the cell has produced.
    """
    reporter = reporter or Silent()
    progress = progress or Progress()
    recorded: list[Event] = []
    method = build_method(cell, features, services, recorded)
    if progress.steps:
        with attribute_errors_to(cell.method, type(method), "load_state_dict"):
            method.load_state_dict(progress.method_state)
    experiences = stream.train_stream
    with reporter.task(cell.label(), len(experiences), "experiences") as task:
        task.advance(progress.experience)
        for experience in experiences[progress.experience :]:
            step = _evaluate_experience(
                cell, method, experience, stream, features, meter, prefetcher
            )
            if len(progress.steps) >= _PIXEL_LAG:
                progress.steps[-_PIXEL_LAG].finish_pixels()
            events = complete_events(
                recorded, cell, stream, experience, features, services.coresets
            )
            step.events = [{"experience": experience.index, **event} for event in events]
            recorded.clear()
            _drop_maps(step, progress, maps)
            progress.steps.append(step)
            with attribute_errors_to(cell.method, type(method), "state_dict"):
                progress.method_state = method.state_dict()
                checkpoint(progress)
            task.advance()
        for step in reversed(progress.steps[-_PIXEL_LAG:]):
            step.finish_pixels()
    return progress


def build_method(
    cell: Cell, features: FeatureSet, services: Services, recorded: list[Event]
) -> Method:
    """Create the method of a cell, before it has observed anything.

    Args:
        cell: the cell.
        features: features of the images.
        services: the caches that the method uses.
        recorded: the list to which events that the method records are appended.
    """

    def record(kind: str, values: Mapping[str, Any]) -> None:
        recorded.append({"kind": kind, **values})

    context = MethodContext(
        seed=cell.seed,
        device=features.device,
        feature_dim=features.shape[1],
        grid=features.grid,
        routing=cell.routing,
        coresets=services.coresets,
        neighbors=services.neighbors,
        _record=record,
        _backbone=features.backbone,
    )
    with attribute_errors_to(cell.method, cell.method_class, "__init__"):
        return cell.method_class(cell.params, context)


def _evaluate_experience(
    cell: Cell,
    method: Method,
    experience: Experience,
    stream: Stream,
    features: FeatureSet,
    meter: PixelMeter | None,
    prefetcher: CoresetPrefetcher | None,
) -> Step:
    """Let the method observe an experience, and score the columns that may have changed."""
    started = time.perf_counter()
    training = train_experience(experience, stream, features, method.uses_images, cell.routing)
    with attribute_errors_to(cell.method, type(method), "observe"):
        claimed = method.observe(training)
    synchronize(features.device)
    observed = time.perf_counter()
    if prefetcher is not None:
        prefetcher.prefetch_after(experience)
    changed = _changed_columns(cell, stream, claimed, experience)
    unseen = stream.unseen(experience.index, cell.unseen)
    scores, maps, pixel_tasks = score_columns(cell, method, (*changed, *unseen), features, meter)
    with attribute_errors_to(cell.method, type(method), "memory"):
        report = method.memory()
    return Step(
        experience=experience.index,
        columns=(*stream.seen(experience.index), *unseen),
        scores=scores,
        maps=maps,
        memory=_memory_rows(experience.index, report),
        observe_seconds=observed - started,
        score_seconds=time.perf_counter() - observed,
        pixel_tasks=pixel_tasks,
    )


def _changed_columns(
    cell: Cell, stream: Stream, claimed: frozenset[str] | None, experience: Experience
) -> tuple[str, ...]:
    """The seen columns to score again: new ones and claimed ones; under inferred routing all."""
    seen = stream.seen(experience.index)
    if claimed is None or cell.routing == "inferred":
        return seen
    reached = {
        name
        for index in range(1, experience.index + 1)
        for name in names_for_method(stream, index, cell.routing).values()
    }
    if unknown := claimed - reached:
        raise CadbenchError(
            f"method {cell.method}: observe returned categories that the stream has not reached: "
            f"{', '.join(sorted(unknown))}"
        )
    new = experience.categories
    return tuple(c for c in seen if stream.category_of[c] in claimed or c in new)


def _drop_maps(step: Step, progress: Progress, maps: Maps) -> None:
    """Drop the maps that the record will not keep; `final` keeps the latest maps of a column."""
    if maps == "none":
        step.maps = {}
    elif maps == "final":
        for earlier in progress.steps:
            for column in step.maps:
                earlier.maps.pop(column, None)


def _memory_rows(experience: int, report: MemoryReport) -> list[dict[str, Any]]:
    """Rows of the memory table: the total, whose expert is -1, then one row per expert."""

    def row(part: MemoryReport | ExpertMemory) -> dict[str, Any]:
        expert = part if isinstance(part, ExpertMemory) else None
        return {
            "experience": experience,
            "expert": expert.expert if expert else -1,
            "categories": ",".join(expert.categories) if expert else "",
            "scoring_vectors": part.scoring_vectors,
            "stored_vectors": part.stored_vectors,
            "scoring_bytes": part.scoring_bytes,
            "stored_bytes": part.stored_bytes,
            UTILIZATION: expert.utilization if expert else None,
        }

    return [row(report), *map(row, report.experts)]
