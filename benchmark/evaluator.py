"""The one evaluator: feeds a method the stream, scores the test images, keeps every raw score.

The method sees training patches, opaque ids and services. Labels, masks and files stay here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from benchmark.cell import Cell
from benchmark.features.feature_set import FeatureSet
from benchmark.features.source import PatchSource
from benchmark.method import (
    MemoryReport,
    Method,
    MethodContext,
    Prediction,
    TestBatch,
    TrainExperience,
)
from benchmark.randomness import generator
from benchmark.reporting import Reporter, Silent
from benchmark.services.coresets import Coresets
from benchmark.services.neighbours import Neighbours
from benchmark.stream import Experience, Stream
from results.errors import CadbenchError

if TYPE_CHECKING:
    import torch

BATCH_SIZE = 32

Maps: TypeAlias = Literal["final", "all", "none"]


@dataclass(eq=False)
class Scored:
    """What one experience gave for one category, aligned with the test source's ids.

    scores (n,) float32; routes (n,) int16, -1 where the method does not route.
    """

    scores: np.ndarray
    routes: np.ndarray


@dataclass(eq=False)
class Progress:
    """All that a cell has produced up to its last finished experience; can be packed as a state.

    rows: scores by category, one dict an experience; maps: patch maps (n, h, w) float16 likewise,
    of the latest experience only where `maps` is `final`, empty where it is `none`.
    """

    experience: int = 0
    rows: list[dict[str, Scored]] = field(default_factory=list)
    maps: list[dict[str, np.ndarray]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    memory: list[dict[str, Any]] = field(default_factory=list)
    observe_seconds: float = 0.0
    score_seconds: float = 0.0
    method_state: Any = None

    def as_state(self) -> dict[str, Any]:
        rows = [{c: vars(scored) for c, scored in row.items()} for row in self.rows]
        return {**vars(self), "rows": rows}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Progress:
        rows = [{c: Scored(**scored) for c, scored in row.items()} for row in state["rows"]]
        return cls(**{**state, "rows": rows})


@dataclass
class Services:
    """The caches that cells share."""

    coresets: Coresets
    neighbours: Neighbours


def evaluate(
    cell: Cell,
    stream: Stream,
    features: FeatureSet,
    services: Services,
    *,
    maps: Maps = "final",
    progress: Progress | None = None,
    checkpoint: Callable[[Progress], None] = lambda progress: None,
    reporter: Reporter | None = None,
) -> Progress:
    """Run a cell from where `progress` stands to the end of its stream.

    `checkpoint` is called after each experience, with the method's state in it.
    """
    reporter = reporter or Silent()
    progress = progress or Progress()
    method = _build(cell, features, services, progress)
    if progress.experience:
        method.load_state_dict(progress.method_state)
    experiences = stream.train_stream
    with reporter.task(cell.label(), len(experiences), "experiences") as task:
        task.advance(progress.experience)
        for experience in experiences[progress.experience :]:
            _step(cell, method, experience, stream, features, maps, progress)
            progress.method_state = method.state_dict()
            checkpoint(progress)
            task.advance()
    return progress


def _build(cell: Cell, features: FeatureSet, services: Services, progress: Progress) -> Method:
    def record(kind: str, values: Mapping[str, Any]) -> None:
        experience = progress.experience + 1
        progress.events.append({"experience": experience, "kind": kind, **values})

    context = MethodContext(
        seed=cell.seed,
        device=features.device,
        feature_dim=features.shape[1],
        grid=features.grid,
        routing=cell.routing,
        coresets=services.coresets,
        neighbours=services.neighbours,
        _record=record,
    )
    return cell.method_class(cell.params, context)


def _step(
    cell: Cell,
    method: Method,
    experience: Experience,
    stream: Stream,
    features: FeatureSet,
    maps: Maps,
    progress: Progress,
) -> None:
    started = time.perf_counter()
    claimed = method.observe(_train_experience(experience, stream, features, method.uses_images))
    _synchronize(features.device)
    observed = time.perf_counter()
    seen = stream.seen(experience.index)
    previous = progress.rows[-1] if progress.rows else {}
    changed = _changed(cell, claimed, seen, experience.categories, previous)
    unseen = _unseen(cell, stream, experience.index)
    fresh, fresh_maps = _score(cell, method, (*changed, *unseen), features)
    shown = (*seen, *unseen)
    progress.rows.append({c: fresh[c] if c in fresh else previous[c] for c in shown})
    if maps != "none":
        current = {**(progress.maps[-1] if progress.maps else {}), **fresh_maps}
        current = {c: current[c] for c in shown if c in current}
        progress.maps = [current] if maps == "final" else [*progress.maps, current]
    progress.memory.extend(_memory_rows(experience.index, method.memory()))
    progress.observe_seconds += observed - started
    progress.score_seconds += time.perf_counter() - observed
    progress.experience = experience.index


def _train_experience(
    experience: Experience, stream: Stream, features: FeatureSet, uses_images: bool
) -> TrainExperience:
    return TrainExperience(
        experience.index,
        experience.categories,
        len(stream.seen(experience.index - 1)),
        {c: features.patches(c, "train") for c in experience.categories},
        {c: features.pixels(c, "train") for c in experience.categories if uses_images},
    )


def _changed(
    cell: Cell,
    claimed: frozenset[str] | None,
    seen: Sequence[str],
    new: Sequence[str],
    previous: Mapping[str, Scored],
) -> tuple[str, ...]:
    """The seen categories to score again: those claimed, those new, all under `inferred`."""
    if claimed is None or cell.routing == "inferred":
        return tuple(seen)
    if strange := claimed - set(seen):
        raise CadbenchError(
            f"method {cell.method} claims that the scores of {', '.join(sorted(strange))} changed, "
            "which the stream has not shown yet"
        )
    return tuple(c for c in seen if c in claimed or c in new or c not in previous)


def _unseen(cell: Cell, stream: Stream, index: int) -> tuple[str, ...]:
    """The categories not introduced yet that are scored all the same."""
    if cell.unseen == "none":
        return ()
    ahead = stream.train_stream[index:]
    return tuple(c for e in (ahead if cell.unseen == "all" else ahead[:1]) for c in e.categories)


def _score(
    cell: Cell, method: Method, categories: Sequence[str], features: FeatureSet
) -> tuple[dict[str, Scored], dict[str, np.ndarray]]:
    """Scores and maps of all test images of the categories, in shuffled batches."""
    patches = {c: features.patches(c, "test") for c in categories}
    pixels = {c: features.pixels(c, "test") for c in categories} if method.uses_images else {}
    images = {c: len(source.ids) for c, source in patches.items()}
    scored = {
        c: Scored(np.full(n, np.nan, np.float32), np.full(n, -1, np.int16))
        for c, n in images.items()
    }
    maps: dict[str, np.ndarray] = {}
    for places in _batches(images, mixed=cell.routing == "inferred"):
        told = places[0][0] if cell.routing == "oracle" else None
        batch = TestBatch(
            tuple(patches[c].ids[row] for c, row in places),
            told,
            partial(_read, patches, places),
            partial(_read, pixels, places),
        )
        prediction = method.score(batch)
        _keep(cell, prediction, places, scored, maps)
    return scored, maps


def _batches(images: Mapping[str, int], *, mixed: bool) -> Iterator[list[tuple[str, int]]]:
    """(category, row) places in batches; the order is fixed, and tells nothing about labels."""
    groups: Iterable[list[tuple[str, int]]] = [
        [(c, row) for row in range(n)] for c, n in images.items()
    ]
    if mixed:
        groups = [[place for group in groups for place in group]]
    for group in groups:
        order = generator(0, "test order", group[0][0] if group else "").permutation(len(group))
        shuffled = [group[index] for index in order]
        for start in range(0, len(shuffled), BATCH_SIZE):
            yield shuffled[start : start + BATCH_SIZE]


def _read(sources: Mapping[str, PatchSource], places: Sequence[tuple[str, int]]) -> torch.Tensor:
    import torch

    if len({category for category, _ in places}) == 1:
        return sources[places[0][0]].read([row for _, row in places])
    return torch.cat([sources[category].read([row]) for category, row in places])


def _keep(
    cell: Cell,
    prediction: Prediction,
    places: Sequence[tuple[str, int]],
    scored: Mapping[str, Scored],
    kept_maps: dict[str, np.ndarray],
) -> None:
    scores = prediction.image_scores.detach().float().cpu().numpy()
    if scores.shape != (len(places),) or not np.isfinite(scores).all():
        raise CadbenchError(
            f"method {cell.method} returned scores of shape {scores.shape} for a batch of "
            f"{len(places)} images, or some that are not finite"
        )
    routes = None if prediction.route is None else prediction.route.cpu().numpy()
    maps = None if prediction.maps is None else prediction.maps.half().cpu().numpy()
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
        "utilisation": None,
    }
    experts = [
        {"experience": experience, **vars(expert), "categories": ",".join(expert.categories)}
        for expert in report.experts
    ]
    return [total, *experts]


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)
