"""The five textures, which fill the image."""

from __future__ import annotations

import numpy as np

from .canvas import SIZE, Frame, bevel, centered, cover, mix, polygon, pose, sine, step
from .defects import Defect
from .noise import field, field_at, fractal
from .random_stream import Array, RandomStream
from .scene import Color, Scene, planes

_CYCLE = 64
_GAP = 21


def linen(rng: RandomStream, defect: Defect) -> Scene:
    """Plain weave of uneven natural yarn."""
    warp, weft = (0.78, 0.71, 0.60), (0.73, 0.66, 0.55)
    return _weave(rng, defect, period=7.0, twill=False, warp=warp, weft=weft)


def denim(rng: RandomStream, defect: Defect) -> Scene:
    """Twill: blue warp over three, under one pale weft."""
    warp, weft = (0.20, 0.28, 0.46), (0.62, 0.66, 0.72)
    return _weave(rng, defect, period=6.0, twill=True, warp=warp, weft=weft)


def oak(rng: RandomStream, defect: Defect) -> Scene:
    """A planed board: curved year rings, fine fibers and short dark pores."""
    frame = pose(rng, 0.008, 20)
    bend = 18 * field_at(rng, frame, 90, 300) + 5 * field_at(rng, frame, 26, 140)
    across = Frame(frame.x + bend, frame.y)
    pitch = rng.uniform(15, 21)
    ring = 0.5 + 0.5 * sine(across.x / pitch + 0.4 * field_at(rng, across, 40, 400))
    fibre = field_at(rng, across, 1.7, 45)
    pores = step(field_at(rng, across, 2.0, 13), 0.42, 0.75) * (0.35 + 0.65 * ring)
    light, dark = planes((0.76, 0.60, 0.41)), planes((0.58, 0.41, 0.25))
    color = mix(light, dark, np.clip(0.75 * ring * ring + 0.12 * fibre, 0, 1))
    scene = Scene(color * rng.around(1.0, 0.05) * (1.0 + 0.05 * fractal(rng, 80)))
    scene.shade(1.0 - 0.38 * pores)
    scene.height = 0.25 * fibre - 0.5 * pores
    scene.gloss = np.full((SIZE, SIZE), 0.05)
    scene.body = np.ones((SIZE, SIZE))
    if defect.kind == "knot":
        _knot(scene, defect)
    return scene


def brushed_steel(rng: RandomStream, defect: Defect) -> Scene:
    """Sheet metal with a horizontal grain and a broad reflection across it."""
    frame = pose(rng, 0.004, 20)
    streak = field_at(rng, frame, 110, 1.3) + 0.7 * field_at(rng, frame, 40, 1.0)
    band = frame.y - rng.around(0, 60)
    glow = 1.0 / (1.0 + band * band / 6000.0)
    tone = 0.50 + 0.16 * glow + 0.055 * streak + 0.02 * fractal(rng, 60)
    scene = Scene(planes((0.99, 1.0, 1.02)) * tone)
    scene.height = 0.10 * streak
    scene.gloss = np.full((SIZE, SIZE), 0.12)
    scene.body = np.ones((SIZE, SIZE))
    return scene


def terrazzo(rng: RandomStream, defect: Defect) -> Scene:
    """Polished cement with chips of four kinds of stone."""
    cement = planes((0.70, 0.69, 0.66)) * rng.around(1.0, 0.03)
    scene = Scene(cement * (1.0 + 0.05 * fractal(rng, 30) + 0.05 * field(rng, 2.0)))
    scene.gloss = np.full((SIZE, SIZE), 0.08)
    scene.body = np.ones((SIZE, SIZE))
    stones: tuple[Color, ...] = (
        (0.88, 0.86, 0.82),
        (0.42, 0.42, 0.43),
        (0.66, 0.47, 0.36),
        (0.55, 0.56, 0.50),
    )
    odd = defect.rng.integer(30, 120) if defect.kind == "foreign_chip" else -1
    for k in range((SIZE // _GAP + 2) * (SIZE // _GAP + 2)):
        row, column = k // (SIZE // _GAP + 2), k % (SIZE // _GAP + 2)
        x = (column + rng.around(-0.5, 0.45)) * _GAP
        y = (row + rng.around(-0.5, 0.45)) * _GAP
        size, stone = rng.uniform(3.5, 11.0), rng.choice(stones)
        if 0 <= odd <= k and 24 < x < SIZE - 24 and 24 < y < SIZE - 24:
            size, stone, odd = defect.rng.uniform(7, 11), (0.20, 0.42, 0.50), -1
            defect.mark(_chip(scene, rng, x, y, size, stone))
        else:
            _chip(scene, rng, x, y, size, stone)
    scene.shade(1.0 + 0.03 * field(rng, 1.5))
    return scene


def _weave(
    rng: RandomStream, defect: Defect, period: float, twill: bool, warp: Color, weft: Color
) -> Scene:
    frame = pose(rng, 0.010, 30, 0.05)
    x = frame.x + 1.6 * field_at(rng, frame, 50) + 0.5 * field_at(rng, frame, 12)
    y = frame.y + 1.6 * field_at(rng, frame, 50) + 0.5 * field_at(rng, frame, 12)
    if defect.kind == "pulled_thread":
        x, y = _pull(x, y, defect)
    u, v = x / period, y / period
    i, j = np.floor(u), np.floor(v)
    across, along = 2 * (u - i) - 1, 2 * (v - j) - 1
    i, j = i.astype(np.int64), j.astype(np.int64)
    thick = 1.0 + 0.28 * (rng.array(2, _CYCLE) - 0.5)
    tint = 1.0 + 0.16 * (rng.array(2, _CYCLE) - 0.5)
    a, b = i % _CYCLE, j % _CYCLE
    warp_round = 1.0 - across * across / thick[0, a]
    weft_round = 1.0 - along * along / thick[1, b]
    if twill:
        over = np.where((i + j) % 4 == 0, -0.75, 0.35)
    else:
        over = np.where((i + j) % 2 == 0, -0.45, 0.45) * (1.0 - 0.5 * (across * across))
    gone = np.zeros((SIZE, SIZE), dtype=bool)
    if defect.kind == "missing_thread":
        gone = _missing(b, frame, defect)
        weft_round = np.where(gone, -0.9, weft_round)
        warp_round = np.where(gone, warp_round - 0.2, warp_round)
        defect.mark(gone)
    warp_height, weft_height = warp_round + over, weft_round - over
    top = step(warp_height - weft_height, -0.12, 0.12)
    yarn = mix(planes(weft) * tint[1, b], planes(warp) * tint[0, a], top)
    height = np.maximum(mix(weft_height, warp_height, top), -0.9)
    fuzz = 0.07 * field_at(rng, frame, 1.6, 5) + 0.05 * field_at(rng, frame, 5, 1.6)
    scene = Scene(yarn * (0.80 + 0.17 * height + fuzz + 0.04 * fractal(rng, 70)))
    scene.color = scene.color * rng.around(1.0, 0.04)
    scene.height = 0.55 * height
    scene.body = np.ones((SIZE, SIZE))
    return scene


def _missing(row: Array, frame: Frame, defect: Defect) -> Array:
    """One or two neighboring weft threads that are missing over part of the width."""
    middle = frame.y[SIZE // 2 + defect.rng.integer(-80, 80), SIZE // 2]
    near = np.abs(frame.y - middle) < 1.0
    lines = row[near & (np.abs(frame.x) < 1.0)]
    chosen = int(lines[0]) if len(lines) else 0
    half, start = defect.rng.uniform(22, 60), defect.rng.around(0, 60)
    width = defect.rng.integer(1, 3)
    close = np.abs(frame.y - middle) < 40
    return close & ((row - chosen) % _CYCLE < width) & (np.abs(frame.x - start) < half)


def _pull(x: Array, y: Array, defect: Defect) -> tuple[Array, Array]:
    """Yarns pulled together toward a line, as by a snag."""
    rng = defect.rng
    middle = centered().moved(rng.around(0, 70), rng.around(0, 70), rng.uniform(0, 1))
    reach = rng.uniform(18, 30)
    along, away = middle.x / (reach * 1.6), middle.y / reach
    square = along * along + away * away
    inside = np.maximum(1.0 - square, 0.0)
    defect.mark(square < 0.85)
    amount = rng.uniform(5, 8) * inside * inside
    return x + amount * rng.sign(), y + amount * rng.sign()


def _knot(scene: Scene, defect: Defect) -> None:
    """A small dark knot with rings of its own."""
    rng = defect.rng
    frame = centered().moved(rng.around(0, 80), rng.around(0, 80), rng.around(0, 0.02))
    size = rng.uniform(7, 14)
    oval = Frame(frame.x, frame.y / rng.uniform(1.1, 1.5))
    wander = field_at(rng, oval, size)
    away = np.sqrt(oval.x * oval.x + oval.y * oval.y) + 1.5 * wander
    rings = 0.5 + 0.5 * sine(away / 4.5)
    core = cover(away - size, 3.0)
    paint = mix(planes((0.45, 0.29, 0.17)), planes((0.26, 0.15, 0.09)), rings)
    scene.lay(0.9 * core, paint, scene.height * 0.5)
    defect.mark(core > 0.3)


def _chip(scene: Scene, rng: RandomStream, x: float, y: float, size: float, stone: Color) -> Array:
    """Paint one stone in the cement around pixel (x, y); returns its mask."""
    sides = 6
    turns = (np.arange(sides) + 0.5 * rng.array(sides)) / sides
    reach = size * (0.65 + 0.35 * rng.array(sides))
    tone = rng.around(1.0, 0.10)
    margin = int(size * 1.6) + 3
    rows = np.arange(max(int(y) - margin, 0), min(int(y) + margin, SIZE))
    columns = np.arange(max(int(x) - margin, 0), min(int(x) + margin, SIZE))
    where = np.zeros((SIZE, SIZE), dtype=bool)
    if not len(rows) or not len(columns):
        return where
    shape = polygon(Frame(columns[None, :] - x, rows[:, None] - y), turns, reach)
    amount = cover(shape)
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    scene.part(window).lay(amount, planes(stone) * tone, bevel(shape, 2.0, 0.15))
    where[window] = amount > 0.5
    return where
