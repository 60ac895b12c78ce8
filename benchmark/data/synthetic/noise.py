"""Smooth random fields: random numbers on a lattice, interpolated between its points."""

from __future__ import annotations

import numpy as np

from .canvas import SIZE, Frame, mix
from .random_stream import Array, RandomStream

_TILE = 64


def field(rng: RandomStream, cell: float, cell_y: float | None = None) -> Array:
    """Values in -1..1 on a lattice of `cell` pixels across and `cell_y` (or `cell`) down."""
    rows, down = _steps(cell if cell_y is None else cell_y)
    columns, across = _steps(cell)
    lattice = rng.array(int(rows[-1]) + 2, int(columns[-1]) + 2) * 2.0 - 1.0
    lines = mix(lattice[rows], lattice[rows + 1], down[:, None])
    blended: Array = mix(lines[:, columns], lines[:, columns + 1], across)
    return blended


def fractal(rng: RandomStream, cell: float, octaves: int = 3) -> Array:
    """Sum of fields whose cell and amplitude are halved each time, scaled to about -1..1."""
    total, weight, weights = np.zeros((SIZE, SIZE)), 1.0, 0.0
    for _ in range(octaves):
        total += field(rng, cell) * weight
        weights += weight
        cell, weight = cell / 2, weight / 2
    return total / (0.7 * weights)


def field_at(rng: RandomStream, frame: Frame, cell: float, cell_y: float | None = None) -> Array:
    """Like `field`, along the axes of a rotated or bent frame. Repeats after 64 cells."""
    x, y = frame.x / cell, frame.y / (cell if cell_y is None else cell_y)
    lattice = np.pad(rng.array(_TILE, _TILE) * 2.0 - 1.0, ((0, 1), (0, 1)), mode="wrap")
    left, top = np.floor(x), np.floor(y)
    across, down = _ease(x - left), _ease(y - top)
    place = (top.astype(np.int64) % _TILE) * (_TILE + 1) + left.astype(np.int64) % _TILE
    numbers = lattice.ravel()
    upper = mix(numbers.take(place), numbers.take(place + 1), across)
    place += _TILE + 1
    lower = mix(numbers.take(place), numbers.take(place + 1), across)
    blended: Array = mix(upper, lower, down)
    return blended


def _steps(cell: float) -> tuple[Array, Array]:
    place = np.arange(SIZE) / cell
    below = np.floor(place)
    return below.astype(np.int64), _ease(place - below)


def _ease(t: Array) -> Array:
    return t * t * (3.0 - 2.0 * t)
