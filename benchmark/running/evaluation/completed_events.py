"""Events that a method cannot complete: assignments by column of R, and where columns begin."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from ....results.records.schema import ASSIGNED, PART_ASSIGNED, SEGMENT, SIMILARITY, SWITCH
from ...interface.experience import TrainExperience
from ...streams.stream import Experience
from ...system.plugin_errors import PluginMistake
from .batches import names_for_method, training_parts
from .event_log import Event
from .trial import Trial


def complete_events(trial: Trial, experience: Experience) -> list[Event]:
    """Complete the events that a method recorded while it observed an experience.

    Returns:
        Assignments under the columns of R, and the similarity of each new column to the earlier
        ones. Events of methods that assign nothing are returned as they are.
    """
    if not any(event["kind"] == ASSIGNED for event in trial.log.events):
        return list(trial.log.events)
    return [*_by_column(trial, experience), *_similarities(trial, experience)]


def segment_events(trial: Trial, experience: Experience) -> list[Event]:
    """The runs of training images of one column, in the order in which the method gets them.

    Returns:
        One event per run of images; none if the method does not declare `finds_boundaries`.

    Raises:
        PluginMistake: a switch has no position among these images.
    """
    if not trial.method.finds_boundaries:
        return []
    columns: list[str] = []
    for part in training_parts(trial.stream, experience.index, trial.cell.routing).values():
        column_of = {image: column for column, ids in part.items() for image in ids}
        columns += [column_of[image] for image in trial.features.training_subset(part).ids]
    for event in trial.log.events:
        image = event.get("image")
        if event["kind"] == SWITCH and not (type(image) is int and 1 <= image <= len(columns)):
            raise PluginMistake(
                f"record('switch') needs image, the number of images of the experience that it has "
                f"read (1 to {len(columns)}), got {image!r:.40}"
            )
    runs = [(column, len(list(run))) for column, run in groupby(columns)]
    return [{"kind": SEGMENT, "category": column, "images": count} for column, count in runs]


def _by_column(trial: Trial, experience: Experience) -> Iterator[Event]:
    """Replace the category of assignments by the columns that the experience introduces.

    In a blended stream an experience also has images of neighboring columns. Their assignments do
    not decide which expert owns a column.
    """
    names = names_for_method(trial.stream, experience.index, trial.cell.routing)
    for event in trial.log.events:
        columns = [c for c in experience.categories if names[c] == event.get("category")]
        if event["kind"] == ASSIGNED and columns:
            yield from ({**event, "category": column} for column in columns)
        elif event["kind"] == ASSIGNED and trial.stream.blend:
            yield {**event, "kind": PART_ASSIGNED}
        else:
            yield event


def _similarities(trial: Trial, experience: Experience) -> Iterator[Event]:
    """The cosine of the mean patches of each new column and each earlier one."""
    means: dict[str, np.ndarray] = {}
    seen = trial.stream.seen(experience.index)
    sources = {column: trial.features.patches(column, "train") for column in seen}
    training = TrainExperience(0, seen, 0, sources, {})
    for column in seen:
        mean = trial.loan.coresets.centroid(training, column)
        means[column] = mean / max(float(np.linalg.norm(mean)), np.finfo(float).tiny)
    for column in experience.categories:
        for other in seen[: seen.index(column)]:
            yield {
                "kind": SIMILARITY,
                "category": column,
                "other": other,
                "similarity": float(means[column] @ means[other]),
            }
