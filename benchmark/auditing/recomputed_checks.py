"""Checks of what was computed again: scores, routes, maps, memory and assignments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ...results.records.record import Record
from ...results.records.schema import ASSIGNED
from ..features.feature_set import FeatureSet
from ..recorded_images.image import final_scores
from ..running.evaluation.progress import Progress
from ..streams.stream import Stream
from .check import Check, skip

if TYPE_CHECKING:
    import pandas as pd

_MEMORY = ("scoring_vectors", "stored_vectors", "scoring_bytes", "stored_bytes")
_ROUTES = 0.01
"""Share of the routes that may differ: on another machine, ties of distances fall otherwise."""


def check_scores(
    record: Record, progress: Progress, features: FeatureSet, tolerance: float
) -> list[Check]:
    """Compare the scores and routes of the sample.

    Args:
        record: the record.
        progress: what was computed again.
        features: the features of the sample.
        tolerance: allowed difference of two scores, as a share of the range between the 5 % and the
            95 % quantile of the category's scores after the experience.
    """
    differences, lacking, routes = [], [], []
    compared, largest = 0, 0.0
    for t, column, stored, computed, computed_routes in _pairs(record, progress, features):
        if stored is None:
            lacking.append(f"{column} has no scores after experience {t}")
            continue
        low, high = np.quantile(stored.all_scores, [0.05, 0.95])
        allowed = tolerance * max(high - low, 1e-3 * abs(high))
        gap = np.abs(stored.scores - computed)
        compared += len(gap)
        largest = max(largest, float(gap.max(initial=0.0)))
        differences += [
            f"{column} {stored.images[k][:8]} after experience {t} is {stored.scores[k]:.6g} in "
            f"the record and {computed[k]:.6g} computed again"
            for k in np.flatnonzero(~(gap <= allowed))
        ]
        routes += [
            f"{column} {stored.images[k][:8]} after experience {t} is scored by expert "
            f"{stored.routes[k]} in the record and by {computed_routes[k]} computed again"
            for k in np.flatnonzero(stored.routes != computed_routes)
        ]
    if len(routes) <= _ROUTES * compared:
        routes = []
    return [
        Check("scores", compared, (*lacking, *differences), largest),
        Check("routes", compared, tuple(routes)),
    ]


def check_held_out(
    record: Record, progress: Progress, stream: Stream, tolerance: float
) -> Check | None:
    """Compare the scores of held-out training images, on which thresholds rest.

    Returns:
        The check, with tolerances as in `check_scores`; None for a run without `--holdout`.
    """
    table = record.held_out
    if table is None:
        return None
    stored = table[table["experience"] <= progress.experience]
    places = zip(stored["category"].tolist(), stored["image"].tolist(), strict=True)
    theirs: dict[tuple[str, str], float] = dict(zip(places, stored["score"], strict=True))
    computed = {
        (column, image): float(score)
        for step in progress.steps
        for column, scores in step.held_out.items()
        for image, score in zip(stream.held_out(column), scores.scores, strict=True)
    }
    allowed = {
        column: tolerance * max(float(np.ptp(of_column)), 1e-3 * float(np.abs(of_column).max()))
        for column, of_column in stored.groupby("category")["score"]
    }
    differences, largest = [], 0.0
    for place in sorted(theirs.keys() | computed.keys()):
        column, image = place
        if place not in theirs or place not in computed:
            where = "the record" if place in theirs else "the new computation"
            differences.append(f"{column} {image[:8]} is only in {where}")
            continue
        gap = abs(theirs[place] - computed[place])
        largest = max(largest, gap)
        if not gap <= allowed[column]:
            differences.append(
                f"{column} {image[:8]} is {theirs[place]:.6g} in the record and "
                f"{computed[place]:.6g} computed again"
            )
    compared = len(theirs.keys() | computed.keys())
    return Check("held-out scores", compared, tuple(differences), largest)


def check_maps(record: Record, progress: Progress, features: FeatureSet, tolerance: float) -> Check:
    """Compare the anomaly maps of the sample after the last experience, as `check_scores` does."""
    stored = record.maps()
    if stored is None:
        return skip("maps", "the record kept no maps")
    if progress.experience < len(record.experiences):
        return skip("maps", "the last experience was not computed")
    rows = final_scores(record)
    differences, compared, largest = [], 0, 0.0
    for column, computed in progress.maps[-1].items():
        of_column = rows[rows["category"] == column]
        place = dict(zip(of_column["image"], of_column["map_row"], strict=True))
        for image, row in features.patches(column, "test").row_of.items():
            if image not in place:
                continue
            theirs = np.asarray(stored[place[image]], dtype=np.float32)
            mine = np.asarray(computed[row], dtype=np.float32)
            compared += 1
            if theirs.shape != mine.shape:
                differences.append(f"{column} {image[:8]} has another grid")
                continue
            gap = float(np.abs(theirs - mine).max())
            largest = max(largest, gap)
            if not gap <= tolerance * max(float(np.ptp(mine)), 1e-3 * float(np.abs(mine).max())):
                differences.append(f"{column} {image[:8]} differs by up to {gap:.4g}")
    return Check("maps", compared, tuple(differences), largest)


def check_memory(record: Record, progress: Progress) -> Check:
    """Compare the vectors and bytes that the method kept after each experience."""
    rows = record.memory[record.memory["experience"] <= progress.experience].to_dict("records")
    stored = {(int(row["experience"]), int(row["expert"])): row for row in rows}
    differences = []
    computed = {(row["experience"], row["expert"]): row for row in progress.memory}
    for t, expert in sorted(stored.keys() | computed.keys()):
        who = "the method" if expert < 0 else f"expert {expert}"
        if (t, expert) not in computed or (t, expert) not in stored:
            where = "the record" if (t, expert) in stored else "the new computation"
            differences.append(f"{who} is only in {where} after experience {t}")
            continue
        row, mine = stored[t, expert], computed[t, expert]
        for name in _MEMORY:
            if int(row[name]) != int(mine[name]):
                differences.append(
                    f"{who} has {row[name]} {name} after experience {t} in the record "
                    f"and {mine[name]} computed again"
                )
                break
    return Check("memory rows", len(stored.keys() | computed.keys()), tuple(differences))


def check_assignments(record: Record, progress: Progress) -> Check | None:
    """Compare the expert of each category; None if the method assigns none."""
    events = record.events
    stored = {}
    if "chosen" in events:
        of_part = (events["kind"] == ASSIGNED) & (events["experience"] <= progress.experience)
        chosen = events[of_part & events["chosen"].fillna(False).astype(bool)]
        stored = dict(zip(chosen["category"], chosen["expert"].astype(int), strict=True))
    computed = {
        event["category"]: int(event["expert"])
        for event in progress.events
        if event["kind"] == ASSIGNED and event.get("chosen")
    }
    if not stored and not computed:
        return None
    names = sorted(stored.keys() | computed.keys())
    differences = [
        f"{name} has expert {stored.get(name, 'none')} in the record and "
        f"{computed.get(name, 'none')} computed again"
        for name in names
        if stored.get(name) != computed.get(name)
    ]
    return Check("assignments", len(names), tuple(differences))


class _Stored:
    """The rows of one column after one experience: the sample, and all scores."""

    def __init__(self, rows: pd.DataFrame, images: list[str]) -> None:
        by_image = rows.drop_duplicates("image").set_index("image").loc[images]
        self.images = images
        self.scores = by_image["score"].to_numpy()
        self.routes = by_image["route"].to_numpy()
        self.all_scores = rows["score"].to_numpy()


def _pairs(
    record: Record, progress: Progress, features: FeatureSet
) -> Iterator[tuple[int, str, _Stored | None, np.ndarray, np.ndarray]]:
    """Yield experience, column, stored rows, and computed scores and routes of the same images.

    Images of the sample that the record lacks are left out: `check_images` names them.
    """
    groups = dict(iter(record.scores.groupby(["experience", "category"])))
    for t, row in enumerate(progress.rows, 1):
        for column, computed in row.items():
            stored = groups.get((t, column))
            if stored is None:
                yield t, column, None, computed.scores, computed.routes
                continue
            there = set(stored["image"])
            row_of = features.patches(column, "test").row_of
            found = {image: place for image, place in row_of.items() if image in there}
            places = list(found.values())
            yield (
                *(t, column, _Stored(stored, list(found))),
                *(computed.scores[places], computed.routes[places]),
            )
