"""Compiled loops over what is known of distances: see `distance_table.Known`.

A value is a distance or, with its sign set, minus a lower bound of it: minus zero where nothing is
known. `places` (B,) are the rows of a batch's images, `least` (B, P) the least distances so far.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def lower(
    values: np.ndarray, places: np.ndarray, least: np.ndarray
) -> None:  # pragma: no cover (compiled)
    """Take the distances known into account."""
    for image in range(len(places)):
        line, lowest = values[places[image]], least[image]
        for patch in range(len(line)):
            value = line[patch]
            if not np.signbit(value) and value < lowest[patch]:
                lowest[patch] = value


@numba.njit(cache=True, nogil=True, fastmath={"reassoc"})
def sought(
    values: np.ndarray, places: np.ndarray, least: np.ndarray, new: np.ndarray
) -> tuple[int, float]:  # pragma: no cover (compiled)
    """How many distances are not known and may be the least, and about the sum of their bounds.

    new (B,): set for images of which nothing is known for some of these.
    """
    count, total = 0, 0.0
    nothing, none = np.float32(0), np.int32(0)
    for image in range(len(places)):
        line, lowest = values[places[image]], least[image]
        signs = line.view(np.int32)
        # Without branches, so that vector instructions take many at a time.
        wanted, fresh, bounds = none, none, nothing
        for patch in range(len(line)):
            bound = -line[patch]
            unknown = (signs[patch] < 0) & (bound < lowest[patch])
            wanted += np.int32(unknown)
            fresh |= np.int32(unknown & (bound == nothing))
            bounds += bound if unknown else nothing
        count += int(wanted)
        total += np.float64(bounds)
        if fresh:
            new[image] = True
    return count, total


@numba.njit(cache=True, nogil=True)
def mark(
    values: np.ndarray, places: np.ndarray, least: np.ndarray, wanted: np.ndarray
) -> None:  # pragma: no cover (compiled)
    """Set in `wanted` (B * P,) which distances are not known and may be the least."""
    patches = values.shape[1]
    for image in range(len(places)):
        line, lowest = values[places[image]], least[image]
        for patch in range(patches):
            if np.signbit(line[patch]) and -line[patch] < lowest[patch]:
                wanted[image * patches + patch] = True


@numba.njit(cache=True, nogil=True)
def gather(
    wanted: np.ndarray,
    least: np.ndarray,
    rows: np.ndarray,
    chosen: np.ndarray,
    bounds: np.ndarray,
    sought: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Write where `wanted` (B * P,) is set, as three arrays (n,) with one entry for each.

    chosen: the places in the batch; bounds: the least distances there; sought: the places in the
    array whose rows (B,) the batch's images are.
    """
    found = 0
    for image in range(len(rows)):
        for patch in range(least.shape[1]):
            place = image * least.shape[1] + patch
            if wanted[place]:
                chosen[found] = place
                bounds[found] = least[image, patch]
                sought[found] = rows[image] * least.shape[1] + patch
                found += 1


@numba.njit(cache=True, nogil=True)
def keep(
    values: np.ndarray,
    nearest: np.ndarray,
    origin: np.ndarray,
    places: np.ndarray,
    chosen: np.ndarray,
    bounds: np.ndarray,
    distances: np.ndarray,
    rows: np.ndarray,
    least: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Write what a search has found for the patches at `chosen` (n,) of the flattened batch.

    bounds (n,): what it was bounded by; distances, rows (n,): its result, where there is none below
    the bound a better bound and -1; origin (M,): the rows that the block's vectors have where they
    were taken from.
    """
    patches = values.shape[1]
    for place in range(len(chosen)):
        image, patch = chosen[place] // patches, chosen[place] % patches
        row = places[image]
        value = values[row, patch]
        if np.signbit(value) and -value < bounds[place]:
            if rows[place] < 0:
                values[row, patch] = -distances[place]
            else:
                values[row, patch] = distances[place]
                nearest[row, patch] = origin[rows[place]]
        if rows[place] >= 0 and distances[place] < least[image, patch]:
            least[image, patch] = distances[place]


@numba.njit(cache=True, nogil=True)
def inherit(
    values: np.ndarray,
    nearest: np.ndarray,
    places: np.ndarray,
    members: np.ndarray,
    part_values: np.ndarray,
    part_nearest: np.ndarray,
    part_places: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Write to a part's rows what the whole's say: a distance whose vector is gone is a bound.

    members: which rows of what both were taken from are in the part; it may end before others.
    """
    for image in range(len(places)):
        row, part = places[image], part_places[image]
        for patch in range(values.shape[1]):
            value = values[row, patch]
            if not np.signbit(value):
                vector = nearest[row, patch]
                if vector < len(members) and members[vector]:
                    part_nearest[part, patch] = vector
                else:
                    value = -value
            part_values[part, patch] = value
