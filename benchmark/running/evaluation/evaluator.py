"""The evaluator: gives a method the stream, scores the test images, and keeps every raw score.

Methods get training patches, opaque ids and services. Labels, masks and files stay here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from ....results.records.schema import UTILIZATION
from ...features.feature_set import FeatureSet
from ...interface.prediction import ExpertMemory, MemoryReport
from ...pixels.meter import PixelMeter
from ...streams.stream import Experience, Stream
from ...system.costs import CostMeter
from ...system.global_state import exit_raises, restored_global_state
from ...system.reporting import Reporter, Silent
from ..cell import Cell
from ..devices import synchronize
from .batches import names_received, train_experience
from .completed_events import complete_events, segment_events
from .progress import ColumnScores, Progress, Step
from .result_checks import check_claim, check_memory
from .scoring import rows_to_score, score_columns
from .trial import Services, Trial, open_trial
from .wrong_neighbors import count_wrong_neighbors

Maps: TypeAlias = Literal["final", "all", "none"]
"""Which maps a record keeps: those of the last experience, of all experiences, or none."""


def evaluate(
    cell: Cell,
    stream: Stream,
    features: FeatureSet,
    services: Services,
    *,
    maps: Maps = "final",
    meter: PixelMeter | None = None,
    progress: Progress | None = None,
    until: int | None = None,
    checkpoint: Callable[[Progress], None] = lambda progress: None,
    reporter: Reporter | None = None,
) -> Progress:
    """Run a cell to the end of its stream, or to an earlier experience.

    Args:
        cell, stream, features: the cell, its stream, and features of the images of the stream.
        services: the caches that the method uses.
        maps: which anomaly maps to keep.
        meter: measures the maps of every experience, whatever `maps` is; None measures nothing.
        progress: where to continue; None starts at the first experience. It is changed in place.
        until: the last experience to run; None for that of the stream.
        checkpoint: called with the progress after each experience.
        reporter: shows how many experiences are done.
    """
    reporter = reporter or Silent()
    progress = progress or Progress()
    with (
        restored_global_state(),
        exit_raises(),
        open_trial(cell, stream, features, services, meter, progress) as trial,
    ):
        if progress.steps:
            with trial.attributed("load_state_dict"):
                trial.method.load_state_dict(progress.method_state)
        experiences = stream.train_stream[:until]
        with reporter.task(cell.label(), len(experiences), "experiences") as task:
            task.advance(progress.experience)
            for experience in experiences[progress.experience :]:
                features.require(stream.needed(experience.index, cell.unseen))
                step = _evaluate_experience(trial, experience)
                _drop_maps(step, progress, maps)
                progress.steps.append(step)
                if experience is experiences[-1]:
                    with trial.attributed("scoring_blocks"):
                        events = count_wrong_neighbors(trial, progress.rows[-1])
                    step.events += ({"experience": step.experience, **each} for each in events)
                with trial.attributed("state_dict"):
                    progress.method_state = trial.method.state_dict()
                _save(trial, progress, checkpoint)
                task.advance()
    return progress


def _evaluate_experience(trial: Trial, experience: Experience) -> Step:
    """Let the method observe an experience, and score the columns that may have changed."""
    cell, stream, features, method = trial.cell, trial.stream, trial.features, trial.method
    started = time.perf_counter()
    training = train_experience(
        experience, stream, features, method.uses_images, cell.routing, trial.method_ids
    )
    with CostMeter(features.device) as meter:
        with trial.attributed("observe"):
            claimed = method.observe(training)
            check_claim(claimed, names_received(stream, experience.index, cell.routing))
            trial.loan.blocks.verify()
        synchronize(features.device)
    observed = time.perf_counter()
    changed = stream.seen(experience.index)
    if claimed is not None and cell.routing == "oracle":
        new = experience.categories
        changed = tuple(c for c in changed if stream.category_of[c] in claimed or c in new)
    unseen = stream.unseen(experience.index, cell.unseen)
    rows = rows_to_score(features, (*changed, *unseen))
    scores, maps, trial.map_grid = score_columns(
        cell, method, rows, features, trial.method_ids, trial.map_grid
    )
    held_out: dict[str, ColumnScores] = {}
    if cell.holdout:
        row_of = {c: features.patches(c, "train").row_of for c in experience.categories}
        held_out_rows = {c: [row_of[c][image] for image in stream.held_out(c)] for c in row_of}
        held_out, _, _ = score_columns(
            cell, method, held_out_rows, features, trial.method_ids, trial.map_grid, "train"
        )
    with trial.attributed("score"):
        trial.loan.blocks.verify()
    with trial.attributed("memory"):
        report = check_memory(method.memory())
    scored = time.perf_counter()
    events = complete_events(trial, experience)
    with trial.attributed("observe"):
        events += segment_events(trial, experience)
    trial.log.events.clear()
    measured = {c: trial.meter.measure(c, maps[c]) for c in maps} if trial.meter else {}
    pixels = {c: values for c, values in measured.items() if values is not None}
    return Step(
        experience=experience.index,
        columns=(*stream.seen(experience.index), *unseen),
        scores=scores,
        held_out=held_out,
        maps=maps,
        map_grid=trial.map_grid,
        pixels=pixels,
        events=[{"experience": experience.index, **event} for event in events],
        memory=_memory_rows(experience.index, report),
        costs={
            "seconds": observed - started,
            **meter.as_dict(),
            "parameters_trained": report.parameters_trained,
            "parameters_stored": report.parameters_stored,
            "network_bytes": report.network_bytes,
            "other_bytes": max(0, report.stored_bytes - report.network_bytes),
        },
        observe_seconds=observed - started,
        score_seconds=scored - observed,
    )


def _save(trial: Trial, progress: Progress, checkpoint: Callable[[Progress], None]) -> None:
    """Save the progress; a state that cannot be saved is the method's error, an OSError is not."""
    try:
        checkpoint(progress)
    except OSError:
        raise
    except Exception as error:
        with trial.attributed("state_dict"):
            raise error


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
