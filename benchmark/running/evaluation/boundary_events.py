"""Where the columns of an experience begin, for methods that find boundaries by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from ....results.records.schema import SEGMENT, SWITCH
from ...features.feature_set import FeatureSet
from ...interface.method import Method
from ...streams.stream import Experience, Stream
from ...system.plugin_errors import PluginMistake
from ..cell import Cell
from .batches import training_parts
from .event_log import Event


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
