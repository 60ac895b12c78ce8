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


@numba.njit(cache=True, nogil=True)
def find_unknown(
    values: np.ndarray, rows: np.ndarray, least: np.ndarray
) -> np.ndarray:  # pragma: no cover (compiled)
    """Indices (n,) in the flattened batch of patches whose distance may be below `least`."""
    patches = values.shape[1]
    places = np.empty(least.size, np.int64)
    count = 0
    for image in range(len(rows)):
        entries, minimum = values[rows[image]], least[image]
        for patch in range(patches):
            places[count] = image * patches + patch
            count += np.signbit(entries[patch]) and -entries[patch] < minimum[patch]
    return places[:count]


@numba.njit(cache=True, nogil=True)
def store_results(
    values: np.ndarray,
    nearest: np.ndarray,
    root_rows: np.ndarray,
    rows: np.ndarray,
    places: np.ndarray,
    distances: np.ndarray,
    found: np.ndarray,
    least: np.ndarray,
) -> None:  # pragma: no cover (compiled)
    """Store the results of a search in the table and lower `least` to them.

    Args:
        values, nearest, rows, least: see the module.
        root_rows: (M,) indices of the block's vectors in the root block.
        places: (n,) what `find_unknown` returned.
        distances: (n,) exact distances, or lower bounds where `found` is -1.
        found: (n,) index of the nearest vector in the block; -1: no distance below the limit.
    """
    for number in range(len(places)):
        image, patch = divmod(places[number], values.shape[1])
        if found[number] < 0:
            values[rows[image], patch] = -distances[number]
        else:
            values[rows[image], patch] = least[image, patch] = distances[number]
            nearest[rows[image], patch] = root_rows[found[number]]


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
