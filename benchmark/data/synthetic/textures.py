"""The five textures: they fill the picture."""

from __future__ import annotations

import numpy as np

from .canvas import SIZE, Frame, bevel, cover, mix, polygon, pose, sine, step, whole
from .defects import Flaw
from .noise import field, field_at, fractal
from .random_streams import Array, Stream
from .scene import Color, Scene, planes

_CYCLE = 64
_GAP = 21


def linen(draw: Stream, flaw: Flaw) -> Scene:
    """Plain weave of uneven natural yarn."""
    warp, weft = (0.78, 0.71, 0.60), (0.73, 0.66, 0.55)
    return _weave(draw, flaw, period=7.0, twill=False, warp=warp, weft=weft)


def denim(draw: Stream, flaw: Flaw) -> Scene:
    """Twill: blue warp over three, under one pale weft."""
    warp, weft = (0.20, 0.28, 0.46), (0.62, 0.66, 0.72)
    return _weave(draw, flaw, period=6.0, twill=True, warp=warp, weft=weft)


def oak(draw: Stream, flaw: Flaw) -> Scene:
    """A planed board: bent year rings, fine fibre and short dark pores."""
    frame = pose(draw, 0.008, 20)
    bend = 18 * field_at(draw, frame, 90, 300) + 5 * field_at(draw, frame, 26, 140)
    across = Frame(frame.x + bend, frame.y)
    pitch = draw.uniform(15, 21)
    ring = 0.5 + 0.5 * sine(across.x / pitch + 0.4 * field_at(draw, across, 40, 400))
    fibre = field_at(draw, across, 1.7, 45)
    pores = step(field_at(draw, across, 2.0, 13), 0.42, 0.75) * (0.35 + 0.65 * ring)
    light, dark = planes((0.76, 0.60, 0.41)), planes((0.58, 0.41, 0.25))
    color = mix(light, dark, np.clip(0.75 * ring * ring + 0.12 * fibre, 0, 1))
    scene = Scene(color * draw.around(1.0, 0.05) * (1.0 + 0.05 * fractal(draw, 80)))
    scene.shade(1.0 - 0.38 * pores)
    scene.height = 0.25 * fibre - 0.5 * pores
    scene.gloss = np.full((SIZE, SIZE), 0.05)
    scene.body = np.ones((SIZE, SIZE))
    if flaw.kind == "knot":
        _knot(scene, flaw)
    return scene


def brushed_steel(draw: Stream, flaw: Flaw) -> Scene:
    """Sheet metal with a horizontal grain and a broad reflection across it."""
    frame = pose(draw, 0.004, 20)
    streak = field_at(draw, frame, 110, 1.3) + 0.7 * field_at(draw, frame, 40, 1.0)
    band = frame.y - draw.around(0, 60)
    glow = 1.0 / (1.0 + band * band / 6000.0)
    tone = 0.50 + 0.16 * glow + 0.055 * streak + 0.02 * fractal(draw, 60)
    scene = Scene(planes((0.99, 1.0, 1.02)) * tone)
    scene.height = 0.10 * streak
    scene.gloss = np.full((SIZE, SIZE), 0.12)
    scene.body = np.ones((SIZE, SIZE))
    return scene


def terrazzo(draw: Stream, flaw: Flaw) -> Scene:
    """Polished cement with chips of four kinds of stone."""
    cement = planes((0.70, 0.69, 0.66)) * draw.around(1.0, 0.03)
    scene = Scene(cement * (1.0 + 0.05 * fractal(draw, 30) + 0.05 * field(draw, 2.0)))
    scene.gloss = np.full((SIZE, SIZE), 0.08)
    scene.body = np.ones((SIZE, SIZE))
    stones: tuple[Color, ...] = (
        (0.88, 0.86, 0.82),
        (0.42, 0.42, 0.43),
        (0.66, 0.47, 0.36),
        (0.55, 0.56, 0.50),
    )
    odd = flaw.draw.integer(30, 120) if flaw.kind == "foreign_chip" else -1
    for k in range((SIZE // _GAP + 2) * (SIZE // _GAP + 2)):
        row, column = k // (SIZE // _GAP + 2), k % (SIZE // _GAP + 2)
        x = (column + draw.around(-0.5, 0.45)) * _GAP
        y = (row + draw.around(-0.5, 0.45)) * _GAP
        size, stone = draw.uniform(3.5, 11.0), draw.choice(stones)
        if 0 <= odd <= k and 24 < x < SIZE - 24 and 24 < y < SIZE - 24:
            size, stone, odd = flaw.draw.uniform(7, 11), (0.20, 0.42, 0.50), -1
            flaw.mark(_chip(scene, draw, x, y, size, stone))
        else:
            _chip(scene, draw, x, y, size, stone)
    scene.shade(1.0 + 0.03 * field(draw, 1.5))
    return scene


def _weave(draw: Stream, flaw: Flaw, period: float, twill: bool, warp: Color, weft: Color) -> Scene:
    frame = pose(draw, 0.010, 30, 0.05)
    x = frame.x + 1.6 * field_at(draw, frame, 50) + 0.5 * field_at(draw, frame, 12)
    y = frame.y + 1.6 * field_at(draw, frame, 50) + 0.5 * field_at(draw, frame, 12)
    if flaw.kind == "pulled_thread":
        x, y = _pull(x, y, flaw)
    u, v = x / period, y / period
    i, j = np.floor(u), np.floor(v)
    across, along = 2 * (u - i) - 1, 2 * (v - j) - 1
    i, j = i.astype(np.int64), j.astype(np.int64)
    thick = 1.0 + 0.28 * (draw.array(2, _CYCLE) - 0.5)
    tint = 1.0 + 0.16 * (draw.array(2, _CYCLE) - 0.5)
    a, b = i % _CYCLE, j % _CYCLE
    warp_round = 1.0 - across * across / thick[0, a]
    weft_round = 1.0 - along * along / thick[1, b]
    if twill:
        over = np.where((i + j) % 4 == 0, -0.75, 0.35)
    else:
        over = np.where((i + j) % 2 == 0, -0.45, 0.45) * (1.0 - 0.5 * (across * across))
    gone = np.zeros((SIZE, SIZE), dtype=bool)
    if flaw.kind == "missing_thread":
        gone = _missing(b, frame, flaw)
        weft_round = np.where(gone, -0.9, weft_round)
        warp_round = np.where(gone, warp_round - 0.2, warp_round)
        flaw.mark(gone)
    warp_height, weft_height = warp_round + over, weft_round - over
    top = step(warp_height - weft_height, -0.12, 0.12)
    yarn = mix(planes(weft) * tint[1, b], planes(warp) * tint[0, a], top)
    height = np.maximum(mix(weft_height, warp_height, top), -0.9)
    fuzz = 0.07 * field_at(draw, frame, 1.6, 5) + 0.05 * field_at(draw, frame, 5, 1.6)
    scene = Scene(yarn * (0.80 + 0.17 * height + fuzz + 0.04 * fractal(draw, 70)))
    scene.color = scene.color * draw.around(1.0, 0.04)
    scene.height = 0.55 * height
    scene.body = np.ones((SIZE, SIZE))
    return scene


def _missing(row: Array, frame: Frame, flaw: Flaw) -> Array:
    """One or two neighboring wefts, gone over part of the width."""
    middle = frame.y[SIZE // 2 + flaw.draw.integer(-80, 80), SIZE // 2]
    near = np.abs(frame.y - middle) < 1.0
    lines = row[near & (np.abs(frame.x) < 1.0)]
    chosen = int(lines[0]) if len(lines) else 0
    half, start = flaw.draw.uniform(22, 60), flaw.draw.around(0, 60)
    width = flaw.draw.integer(1, 3)
    close = np.abs(frame.y - middle) < 40
    return close & ((row - chosen) % _CYCLE < width) & (np.abs(frame.x - start) < half)


def _pull(x: Array, y: Array, flaw: Flaw) -> tuple[Array, Array]:
    """Yarns drawn together towards a line, as by a snag."""
    draw = flaw.draw
    middle = whole().moved(draw.around(0, 70), draw.around(0, 70), draw.uniform(0, 1))
    reach = draw.uniform(18, 30)
    along, away = middle.x / (reach * 1.6), middle.y / reach
    square = along * along + away * away
    inside = np.maximum(1.0 - square, 0.0)
    flaw.mark(square < 0.85)
    amount = draw.uniform(5, 8) * inside * inside
    return x + amount * draw.sign(), y + amount * draw.sign()


def _knot(scene: Scene, flaw: Flaw) -> None:
    """A small dark knot with rings of its own."""
    draw = flaw.draw
    frame = whole().moved(draw.around(0, 80), draw.around(0, 80), draw.around(0, 0.02))
    size = draw.uniform(7, 14)
    oval = Frame(frame.x, frame.y / draw.uniform(1.1, 1.5))
    wander = field_at(draw, oval, size)
    away = np.sqrt(oval.x * oval.x + oval.y * oval.y) + 1.5 * wander
    rings = 0.5 + 0.5 * sine(away / 4.5)
    core = cover(away - size, 3.0)
    paint = mix(planes((0.45, 0.29, 0.17)), planes((0.26, 0.15, 0.09)), rings)
    scene.lay(0.9 * core, paint, scene.height * 0.5)
    flaw.mark(core > 0.3)


def _chip(scene: Scene, draw: Stream, x: float, y: float, size: float, stone: Color) -> Array:
    """Set one stone into the cement at pixel (x, y); returns where it lies."""
    sides = 6
    turns = (np.arange(sides) + 0.5 * draw.array(sides)) / sides
    reach = size * (0.65 + 0.35 * draw.array(sides))
    tone = draw.around(1.0, 0.10)
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
