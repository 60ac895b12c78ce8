"""Coordinates and shapes on the 256 x 256 canvas, computed only with exactly rounded operations.

IEEE 754 defines sums, products, quotients, square roots, `floor` and `rint` of float64 to the last
bit, so they are the same on every machine. Sines (of the C library or NumPy), powers, matrix
products and `np.interp` are not, so this package does not use them. Shapes are signed distances in
pixels, negative inside.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .random_stream import Array, RandomStream

SIZE = 256

Window = tuple[slice, slice]

_SINE = (6.28318531, -41.34170193, 81.60520938, -76.70366577, 41.9999564, -14.33682762)
_ARC_TANGENT = (0.15915173, -0.05294375, 0.03082352, -0.01856542, 0.00840691, -0.00187325)


@dataclass(frozen=True)
class Frame:
    """Coordinates of every pixel in the system of a shape: x to the right, y down."""

    x: Array
    y: Array

    def moved(self, x: float, y: float, turn: float = 0.0) -> Frame:
        """The frame with its origin at (x, y), rotated clockwise by `turn` full turns."""
        c, s = cosine(turn), sine(turn)
        dx, dy = self.x - x, self.y - y
        return Frame(dx * c + dy * s, dy * c - dx * s)

    def scaled(self, factor: float) -> Frame:
        """The frame in which shapes are `factor` times as large."""
        return Frame(self.x / factor, self.y / factor)

    def window(self, x: float, y: float, reach: float) -> Window:
        """The part of the canvas around (x, y) that a shape of size `reach` can touch."""
        near = (np.abs(self.x - x) < reach) & (np.abs(self.y - y) < reach)
        rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    def part(self, window: Window) -> Frame:
        """The coordinates inside a window."""
        return Frame(self.x[window], self.y[window])


def centered() -> Frame:
    """Pixel coordinates with the origin in the middle of the canvas."""
    line = np.arange(SIZE) - (SIZE - 1) / 2
    return Frame(np.tile(line, (SIZE, 1)), np.tile(line[:, None], (1, SIZE)))


def pose(rng: RandomStream, turn: float, shift: float, scale: float = 0.03) -> Frame:
    """A random frame, displaced by up to `turn` turns, `shift` pixels and `scale` in size."""
    frame = centered().moved(rng.around(0, shift), rng.around(0, shift), rng.around(0, turn))
    return frame.scaled(rng.around(1, scale))


def sine(turns: Any) -> Any:
    """Sine of an angle in full turns (number or array), to eleven digits."""
    near = turns - np.rint(turns)
    near = np.where(np.abs(near) > 0.25, np.copysign(0.5, near) - near, near)
    square = near * near
    total = _SINE[-1] * square
    for factor in _SINE[-2:0:-1]:
        total = (total + factor) * square
    return (total + _SINE[0]) * near


def cosine(turns: Any) -> Any:
    """Cosine of an angle in full turns."""
    return sine(turns + 0.25)


def angle(frame: Frame) -> Array:
    """Direction from the origin in full turns, in (-0.5, 0.5], to six digits."""
    across, down = np.abs(frame.x), np.abs(frame.y)
    ratio = np.minimum(across, down) / np.maximum(np.maximum(across, down), 1e-9)
    square = ratio * ratio
    total = _ARC_TANGENT[-1] * square
    for factor in _ARC_TANGENT[-2:0:-1]:
        total = (total + factor) * square
    turns = (total + _ARC_TANGENT[0]) * ratio
    turns = np.where(down > across, 0.25 - turns, turns)
    turns = np.where(frame.x < 0, 0.5 - turns, turns)
    return np.where(frame.y < 0, -turns, turns)


def radius(frame: Frame) -> Array:
    """Distance from the origin."""
    return np.sqrt(frame.x * frame.x + frame.y * frame.y)


def disc(frame: Frame, size: float) -> Array:
    """A disc of radius `size` around the origin."""
    return radius(frame) - size


def box(frame: Frame, half_width: float, half_height: float, corner: float = 0.0) -> Array:
    """A rectangle around the origin, its corners rounded by `corner`."""
    dx = np.abs(frame.x) - (half_width - corner)
    dy = np.abs(frame.y) - (half_height - corner)
    ox, oy = np.maximum(dx, 0.0), np.maximum(dy, 0.0)
    return np.sqrt(ox * ox + oy * oy) + np.minimum(np.maximum(dx, dy), 0.0) - corner


def polygon(frame: Frame, turns: Array, reach: Array) -> Array:
    """The convex shape whose side k lies `reach[k]` from the origin in direction `turns[k]`."""
    across, down = cosine(turns)[:, None, None], sine(turns)[:, None, None]
    sides = frame.x * across + frame.y * down - reach[:, None, None]
    shape: Array = sides.max(axis=0)
    return shape


def drill(shape: Array, frame: Frame, x: float, y: float, size: float) -> Array:
    """Cut a round hole of radius `size` at (x, y) into a shape."""
    window = frame.window(x, y, size + 4)
    shape = shape.copy()
    shape[window] = np.maximum(shape[window], -disc(frame.part(window).moved(x, y), size))
    return shape


def path(frame: Frame, points: Sequence[tuple[float, float]]) -> tuple[Array, Array]:
    """Distance to a polyline, and the position along it (0 to 1) of the nearest point."""
    nearest = np.full(frame.x.shape, np.inf)
    position = np.zeros(frame.x.shape)
    pieces = len(points) - 1
    for k, ((x0, y0), (x1, y1)) in enumerate(itertools.pairwise(points)):
        dx, dy = x1 - x0, y1 - y0
        px, py = frame.x - x0, frame.y - y0
        t = np.clip((px * dx + py * dy) / max(dx * dx + dy * dy, 1e-9), 0.0, 1.0)
        ex, ey = px - t * dx, py - t * dy
        square = ex * ex + ey * ey
        closer = square < nearest
        nearest = np.where(closer, square, nearest)
        position = np.where(closer, (t + k) / pieces, position)
    return np.sqrt(nearest), position


def cover(distance: Array, softness: float = 1.2) -> Array:
    """The fraction of each pixel that a shape covers; its edge is `softness` pixels wide."""
    return np.clip(0.5 - distance / softness, 0.0, 1.0)


def bevel(distance: Array, width: float, rise: float) -> Array:
    """Height of a plate of thickness `rise` with an edge rounded over `width` pixels."""
    inwards = np.clip(-distance / width, 0.0, 1.0)
    return rise * inwards * (2.0 - inwards)


def mix(a: Any, b: Any, amount: Any) -> Any:
    """Interpolate from `a` (amount 0) to `b` (amount 1)."""
    return a + (b - a) * amount


def step(value: Array, low: float, high: float) -> Array:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def blur(plane: Array, reach: int) -> Array:
    """Two box blurs of side 2 * reach + 1 with repeated edges, exact by integer sums."""
    side = 2 * reach + 1
    values = np.rint(plane * 65536.0).astype(np.int64)
    for _ in range(2):
        for axis in (0, 1):
            ends = [(0, 0), (0, 0)]
            ends[axis] = (reach + 1, reach)
            sums = np.cumsum(np.pad(values, ends, mode="edge"), axis=axis)
            upper = np.take(sums, np.arange(side, SIZE + side), axis=axis)
            values = (upper - np.take(sums, np.arange(SIZE), axis=axis)) // side
    return values / 65536.0
