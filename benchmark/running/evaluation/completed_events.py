"""Events that a method cannot complete: assignments by column of R, and where columns begin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from ....results.records.schema import ASSIGNED, PART_ASSIGNED, SEGMENT, SIMILARITY, SWITCH
from ...features.feature_set import FeatureSet
from ...interface.experience import TrainExperience
from ...interface.method import Method
from ...streams.stream import Experience, Stream
from ...system.plugin_errors import PluginMistake
from ..cell import Cell
from .batches import names_for_method, training_parts
from .event_log import Event

if TYPE_CHECKING:
    from ...services.coresets.service import Coresets


def complete_events(
    events: Sequence[Event],
    cell: Cell,
    stream: Stream,
    experience: Experience,
    features: FeatureSet,
    coresets: Coresets,
) -> list[Event]:
    """Complete the events that a method recorded while it observed an experience.

    Args:
        events: what the method recorded.
        cell: the cell.
        stream: its stream.
        experience: the experience that the method observed.
        features: features of the images.
        coresets: the service that holds the mean patch of each category.

    Returns:
        Assignments under the columns of R, and the similarity of each new column to the earlier
        ones. Events of methods that assign nothing are returned as they are.
    """
    if not any(event["kind"] == ASSIGNED for event in events):
        return list(events)
    by_column = _by_column(events, stream, experience, cell)
    return [*by_column, *_similarities(stream, experience, features, coresets)]


def segment_events(
    events: Sequence[Event],
    cell: Cell,
    method: Method,
    stream: Stream,
    experience: Experience,
    features: FeatureSet,
) -> list[dict[str, Any]]:
    """The runs of training images of one column, in the order in which the method gets them.

    Args:
        events: what the method recorded in this experience.
        cell: the cell.
        method: its method.
        stream: its stream.
        experience: the experience that the method observed.
        features: features of its images.

    Returns:
        One event per run of images; none if the method does not declare `finds_boundaries`.

    Raises:
        PluginMistake: a switch has no position among these images.
    """
    if not method.finds_boundaries:
        return []
    columns: list[str] = []
    for part in training_parts(stream, experience.index, cell.routing).values():
        column_of = {image: column for column, ids in part.items() for image in ids}
        columns += [column_of[image] for image in features.training_subset(part).ids]
    for event in events:
        image = event.get("image")
        if event["kind"] == SWITCH and not (type(image) is int and 1 <= image <= len(columns)):
            raise PluginMistake(
                f"record('switch') needs image, the number of images of the experience that it has "
                f"read (1 to {len(columns)}), got {image!r:.40}"
            )
    runs = [(column, len(list(run))) for column, run in groupby(columns)]
    return [{"kind": SEGMENT, "category": column, "images": count} for column, count in runs]


def _by_column(
    events: Sequence[Event], stream: Stream, experience: Experience, cell: Cell
) -> Iterator[Event]:
    """Replace the category of assignments by the columns that the experience introduces.

    In a blended stream an experience also has images of neighboring columns. Their assignments do
    not decide which expert owns a column.
    """
    names = names_for_method(stream, experience.index, cell.routing)
    for event in events:
        columns = [c for c in experience.categories if names[c] == event.get("category")]
        if event["kind"] == ASSIGNED and columns:
            yield from ({**event, "category": column} for column in columns)
        elif event["kind"] == ASSIGNED and stream.blend:
            yield {**event, "kind": PART_ASSIGNED}
        else:
            yield event


def _similarities(
    stream: Stream, experience: Experience, features: FeatureSet, coresets: Coresets
) -> Iterator[Event]:
    """The cosine of the mean patches of each new column and each earlier one."""
    means: dict[str, np.ndarray] = {}
    seen = stream.seen(experience.index)
    training = TrainExperience(0, seen, 0, {c: features.patches(c, "train") for c in seen}, {})
    for column in seen:
        mean = coresets.centroid(training, column)
        means[column] = mean / max(float(np.linalg.norm(mean)), np.finfo(float).tiny)
    for column in experience.categories:
        for other in seen[: seen.index(column)]:
            yield {
                "kind": SIMILARITY,
                "category": column,
                "other": other,
                "similarity": float(means[column] @ means[other]),
            }
