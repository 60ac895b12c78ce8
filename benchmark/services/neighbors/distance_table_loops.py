"""Compiled loops over the entries of a `DistanceTable`.

Arguments that several of them have:
    values (n, P) float32, nearest (n, P): the table's arrays; a set sign bit marks a lower bound.
    rows (B,): the table's rows of a batch's images.
    least (B, P) float32: the smallest exact distance of each patch that has been found so far.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def update_minimum(
    values: np.ndarray, rows: np.ndarray, least: np.ndarray
) -> None:  # pragma: no cover (compiled)
    """Lower `least` to the exact distances in the table."""
    for image in range(len(rows)):
        entries, minimum = values[rows[image]], least[image]
        for patch in range(len(entries)):
            value = entries[patch]
            if not np.signbit(value) and value < minimum[patch]:
                minimum[patch] = value


@numba.njit(cache=True, nogil=True, fastmath={"reassoc"})
def count_unknown(
    values: np.ndarray, rows: np.ndarray, least: np.ndarray, is_new: np.ndarray
) -> tuple[int, float]:  # pragma: no cover (compiled)
    """Count the patches whose distance is unknown and may be below `least`.

    Args:
        values, rows, least: see the module.
        is_new: (B,) bool; set for images with such a patch that has no bound yet.

    Returns:
        The number of patches, and the sum of their bounds up to rounding.
    """
    count, total = 0, 0.0
    zero, none = np.float32(0), np.int32(0)
    for image in range(len(rows)):
        entries, minimum = values[rows[image]], least[image]
        signs = entries.view(np.int32)
        # No branches, so that the loop is vectorized.
        unknown_here, new_here, bounds_here = none, none, zero
        for patch in range(len(entries)):
            bound = -entries[patch]
            unknown = (signs[patch] < 0) & (bound < minimum[patch])
            unknown_here += np.int32(unknown)
            new_here |= np.int32(unknown & (bound == zero))
            bounds_here += bound if unknown else zero
        count += int(unknown_here)
        total += np.float64(bounds_here)
        if new_here:
            is_new[image] = True
    return count, total


@numba.njit(cache=True, nogil=True)
def mark_candidates(
    values: np.ndarray, rows: np.ndarray, least: np.ndarray, candidates: np.ndarray
) -> None:  # pragma: no cover (compiled)
    """Set `candidates` (B * P,) bool for patches that `count_unknown` counts."""
    patches = values.shape[1]
    for image in range(len(rows)):
        entries, minimum = values[rows[image]], least[image]
        for patch in range(patches):
            if np.signbit(entries[patch]) and -entries[patch] < minimum[patch]:
                candidates[image * patches + patch] = True


@numba.njit(cache=True, nogil=True)
def gather_queries(
    candidates: np.ndarray,
    least: np.ndarray,
    stored_rows: np.ndarray,
    batch_places: np.ndarray,
    limits: np.ndarray,
    stored_places: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Write the n marked patches to three arrays (n,).

    Args:
        candidates: (B * P,) bool: the marked patches.
        least: see the module.
        stored_rows: (B,) rows of the batch's images in the array of stored patches.
        batch_places: output: index of the patch in the flattened batch (B * P).
        limits: output: its value of `least`.
        stored_places: output: index of the patch in the flattened stored array.
    """
    found = 0
    for image in range(len(stored_rows)):
        for patch in range(least.shape[1]):
            place = image * least.shape[1] + patch
            if candidates[place]:
                batch_places[found] = place
                limits[found] = least[image, patch]
                stored_places[found] = stored_rows[image] * least.shape[1] + patch
                found += 1


@numba.njit(cache=True, nogil=True)
def store_results(
    values: np.ndarray,
    nearest: np.ndarray,
    root_rows: np.ndarray,
    rows: np.ndarray,
    batch_places: np.ndarray,
    limits: np.ndarray,
    distances: np.ndarray,
    found: np.ndarray,
    least: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Store the results of a search in the table and lower `least` to them.

    Args:
        values, nearest, rows, least: see the module.
        root_rows: (M,) indices of the block's vectors in the root block.
        batch_places: (n,) indices of the searched patches in the flattened batch.
        limits: (n,) limits of the search.
        distances: (n,) exact distances, or lower bounds where `found` is -1.
        found: (n,) index of the nearest vector in the block; -1: no distance below the limit.
    """
    patches = values.shape[1]
    for place in range(len(batch_places)):
        image, patch = batch_places[place] // patches, batch_places[place] % patches
        row = rows[image]
        value = values[row, patch]
        if np.signbit(value) and -value < limits[place]:
            if found[place] < 0:
                values[row, patch] = -distances[place]
            else:
                values[row, patch] = distances[place]
                nearest[row, patch] = root_rows[found[place]]
        if found[place] >= 0 and distances[place] < least[image, patch]:
            least[image, patch] = distances[place]


@numba.njit(cache=True, nogil=True)
def inherit_from(
    values: np.ndarray,
    nearest: np.ndarray,
    rows: np.ndarray,
    in_subset: np.ndarray,
    subset_values: np.ndarray,
    subset_nearest: np.ndarray,
    subset_rows: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Fill rows of a subset's table from the table of a block that contains it.

    A distance whose nearest vector is not in the subset becomes a lower bound.

    Args:
        values, nearest, rows: arrays of the containing block's table, and its rows of the images.
        in_subset: mask over the root's vectors; the last ones may be missing.
        subset_values, subset_nearest, subset_rows: the same of the subset's table.
    """
    for image in range(len(rows)):
        row, subset_row = rows[image], subset_rows[image]
        for patch in range(values.shape[1]):
            value = values[row, patch]
            if not np.signbit(value):
                vector = nearest[row, patch]
                if vector < len(in_subset) and in_subset[vector]:
                    subset_nearest[subset_row, patch] = vector
                else:
                    value = -value
            subset_values[subset_row, patch] = value
