"""The one evaluator: feeds a method the stream, scores the test images, keeps every raw score.

The method sees training patches, opaque ids and services. Labels, masks and files stay here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ...results.errors import CadbenchError
from ...results.records.schema import ASSIGNED, PART_ASSIGNED, SIMILARITY, UTILIZATION
from ..features.feature_set import FeatureSet
from ..interface.context import MethodContext
from ..interface.experience import TrainExperience
from ..interface.method import Method
from ..interface.prediction import MemoryReport, Prediction
from ..pixels.meter import PixelMeter
from ..services.coresets.service import Coresets
from ..services.neighbors.service import Neighbors
from ..streams.stream import Experience, Stream
from ..system.plugin_errors import attribute_errors_to
from ..system.reporting import Reporter, Silent
from ..system.thread_pools import aside
from .batches import shuffled_batches, told_names, train_experience
from .cell import Cell
from .prediction_check import flaw
from .prefetch import Ahead
from .progress import Measuring, Progress, Scored, Step

if TYPE_CHECKING:
    import torch

Maps: TypeAlias = Literal["final", "all", "none"]
_BEHIND = 4
"""Experiences that measuring may lag behind: some change many maps, others none."""


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
    ahead: Ahead | None = None,
) -> Progress:
    """Run a cell from where `progress` stands to the end of its stream.

    `meter` measures the maps of every experience, whatever `maps` keeps of them, while the stream
    goes on. `checkpoint` is called after each experience, with the method's state in it.
    """
    reporter = reporter or Silent()
    progress = progress or Progress()
    noted: list[dict[str, Any]] = []
    method = build_method(cell, features, services, noted)
    if progress.steps:
        with attribute_errors_to(cell.method, type(method), "load_state_dict"):
            method.load_state_dict(progress.method_state)
    experiences = stream.train_stream
    with reporter.task(cell.label(), len(experiences), "experiences") as task:
        task.advance(progress.experience)
        for experience in experiences[progress.experience :]:
            step = _step(cell, method, experience, stream, features, meter, ahead)
            if len(progress.steps) >= _BEHIND:
                progress.steps[-_BEHIND].measured()
            if maps == "none":
                step.maps = {}
            if any(note["kind"] == ASSIGNED for note in noted):
                noted[:] = _by_column(noted, stream, experience, cell)
                noted += _similarities(stream, experience, features, services.coresets)
            step.events = [{"experience": experience.index, **note} for note in noted]
            noted.clear()
            if maps == "final":
                for earlier in progress.steps:
                    for category in step.maps:
                        earlier.maps.pop(category, None)
            progress.steps.append(step)
            with attribute_errors_to(cell.method, type(method), "state_dict"):
                progress.method_state = method.state_dict()
                checkpoint(progress)
            task.advance()
        for step in reversed(progress.steps[-_BEHIND:]):
            step.measured()
    return progress


def build_method(
    cell: Cell, features: FeatureSet, services: Services, noted: list[dict[str, Any]]
) -> Method:
    """The cell's method in its first state; what it records is appended to `noted`."""

    def record(kind: str, values: Mapping[str, Any]) -> None:
        noted.append({"kind": kind, **values})

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


def _step(
    cell: Cell,
    method: Method,
    experience: Experience,
    stream: Stream,
    features: FeatureSet,
    meter: PixelMeter | None,
    ahead: Ahead | None,
) -> Step:
    """What an experience adds, with the patch maps of the categories scored anew."""
    started = time.perf_counter()
    shown = train_experience(experience, stream, features, method.uses_images, cell.routing)
    with attribute_errors_to(cell.method, type(method), "observe"):
        claimed = method.observe(shown)
    synchronize(features.device)
    observed = time.perf_counter()
    if ahead is not None:
        ahead.begin(experience)
    seen = stream.seen(experience.index)
    changed = _changed(cell, stream, claimed, experience)
    unseen = _unseen(cell, stream, experience.index)
    fresh, maps, measuring = _score(cell, method, (*changed, *unseen), features, meter)
    with attribute_errors_to(cell.method, type(method), "memory"):
        report = method.memory()
    return Step(
        experience=experience.index,
        shown=(*seen, *unseen),
        fresh=fresh,
        maps=maps,
        memory=_memory_rows(experience.index, report),
        observe_seconds=observed - started,
        score_seconds=time.perf_counter() - observed,
        measuring=measuring,
    )


def _similarities(
    stream: Stream, experience: Experience, features: FeatureSet, coresets: Coresets
) -> list[dict[str, Any]]:
    """The cosine of the mean features of each new category and each that came before it."""
    means: dict[str, np.ndarray] = {}
    seen = stream.seen(experience.index)
    whole = TrainExperience(0, seen, 0, {c: features.patches(c, "train") for c in seen}, {})
    for category in seen:
        mean = coresets.centroid(whole, category)
        means[category] = mean / max(float(np.linalg.norm(mean)), np.finfo(float).tiny)
    names = list(means)
    return [
        {
            "kind": SIMILARITY,
            "category": category,
            "other": other,
            "similarity": float(means[category] @ means[other]),
        }
        for category in experience.categories
        for other in names[: names.index(category)]
    ]


def _by_column(
    noted: Sequence[dict[str, Any]], stream: Stream, experience: Experience, cell: Cell
) -> list[dict[str, Any]]:
    """What a method recorded, its assignments under the columns that the experience introduces.

    In a blended stream, where it also is shown parts of its neighbors' categories, what it assigns
    these to does not decide who owns a column.
    """
    told = told_names(stream, experience.index, cell.routing)
    found: list[dict[str, Any]] = []
    for note in noted:
        columns = [c for c in experience.categories if told[c] == note.get("category")]
        if note["kind"] == ASSIGNED and columns:
            found += [{**note, "category": column} for column in columns]
        elif note["kind"] == ASSIGNED and stream.blend:
            found.append({**note, "kind": PART_ASSIGNED})
        else:
            found.append(note)
    return found


def _changed(
    cell: Cell, stream: Stream, claimed: frozenset[str] | None, experience: Experience
) -> tuple[str, ...]:
    """The seen columns to score again: those claimed, those new, all under `inferred`."""
    seen = stream.seen(experience.index)
    if claimed is None or cell.routing == "inferred":
        return seen
    shown = {
        name
        for index in range(1, experience.index + 1)
        for name in told_names(stream, index, cell.routing).values()
    }
    if strange := claimed - shown:
        raise CadbenchError(
            f"method {cell.method} claims that the scores of {', '.join(sorted(strange))} changed, "
            "which the stream has not shown yet"
        )
    new = experience.categories
    return tuple(c for c in seen if stream.category_of[c] in claimed or c in new)


def _unseen(cell: Cell, stream: Stream, index: int) -> tuple[str, ...]:
    """The categories not introduced yet that are scored all the same."""
    if cell.unseen == "none":
        return ()
    ahead = stream.train_stream[index:]
    return tuple(c for e in (ahead if cell.unseen == "all" else ahead[:1]) for c in e.categories)


def _score(
    cell: Cell,
    method: Method,
    categories: Sequence[str],
    features: FeatureSet,
    meter: PixelMeter | None,
) -> tuple[dict[str, Scored], dict[str, np.ndarray], dict[str, Measuring]]:
    """Scores and maps of all test images of the categories, in shuffled batches.

    A category's maps are measured beside the scoring of the next one.
    """
    images = {c: len(features.patches(c, "test").ids) for c in categories}
    scored = {
        c: Scored(np.full(n, np.nan, np.float32), np.full(n, -1, np.int16))
        for c, n in images.items()
    }
    maps: dict[str, np.ndarray] = {}
    measuring: dict[str, Measuring] = {}
    left = Counter(images)
    places = [(category, row) for category, n in images.items() for row in range(n)]
    for chosen, batch in shuffled_batches(features, places, cell.routing, method.uses_images):
        with attribute_errors_to(cell.method, type(method), "score"):
            prediction = method.score(batch)
        if wrong := flaw(prediction, len(batch), method.context.grid):
            raise CadbenchError(f"method {cell.method} {wrong}")
        _keep(prediction, chosen, scored, maps)
        left.subtract(category for category, _ in chosen)
        for category in [c for c, count in left.items() if not count]:
            del left[category]
            if meter is not None and category in maps:
                measuring[category] = aside(partial(meter.measure, category, maps[category]))
    return scored, maps, measuring


def _keep(
    prediction: Prediction,
    places: Sequence[tuple[str, int]],
    scored: Mapping[str, Scored],
    kept_maps: dict[str, np.ndarray],
) -> None:
    scores = prediction.image_scores.detach().float().cpu().numpy()
    routes = None if prediction.route is None else prediction.route.cpu().numpy()
    maps = None if prediction.maps is None else prediction.maps.detach().half().cpu().numpy()
    for index, (category, row) in enumerate(places):
        target = scored[category]
        target.scores[row] = scores[index]
        if routes is not None:
            target.routes[row] = routes[index]
        if maps is not None:
            if category not in kept_maps:
                shape = (len(target.scores), *maps.shape[1:])
                kept_maps[category] = np.zeros(shape, np.float16)
            kept_maps[category][row] = maps[index]


def _memory_rows(experience: int, report: MemoryReport) -> list[dict[str, Any]]:
    total = {
        "experience": experience,
        "expert": -1,
        "categories": "",
        "scoring_vectors": report.scoring_vectors,
        "stored_vectors": report.stored_vectors,
        "scoring_bytes": report.scoring_bytes,
        "stored_bytes": report.stored_bytes,
        UTILIZATION: None,
    }
    experts = [
        {
            "experience": experience,
            "expert": expert.expert,
            "categories": ",".join(expert.categories),
            "scoring_vectors": expert.scoring_vectors,
            "stored_vectors": expert.stored_vectors,
            "scoring_bytes": expert.scoring_bytes,
            "stored_bytes": expert.stored_bytes,
            UTILIZATION: expert.utilization,
        }
        for expert in report.experts
    ]
    return [total, *experts]


def synchronize(device: torch.device) -> None:
    """Wait for a CUDA device to finish, so that a clock means something."""
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)
