"""The five round objects: three of metal, a button and a biscuit."""

from __future__ import annotations

import numpy as np

from .canvas import (
    Frame,
    angle,
    bevel,
    box,
    cosine,
    cover,
    disc,
    drill,
    mix,
    pose,
    radius,
    sine,
    step,
)
from .defects import Flaw, around_rim, bite, lost
from .noise import field, field_at, fractal
from .random_streams import Array, Stream
from .scene import Color, Scene, backdrop, planes


def washer(draw: Stream, flaw: Flaw) -> Scene:
    """A flat zinc-plated ring with turning marks."""
    scene = backdrop(draw, (0.16, 0.17, 0.19), 0.03)
    frame = pose(draw, 0.5, 9)
    outer = draw.around(88, 1.5)
    ring = np.maximum(disc(frame, outer), -disc(frame, outer * 0.5))
    if flaw.kind == "deformed":
        intact, pressed = ring, _squeezed(frame, flaw.draw, outer)
        ring = np.maximum(disc(pressed, outer), -disc(pressed, outer * 0.5))
        flaw.mark((ring < 0) != (intact < 0))
    if flaw.kind == "notch":
        x, y = around_rim(flaw.draw, outer * flaw.draw.choice((0.5, 1.0)))
        intact = ring
        ring = bite(ring, frame.moved(x, y), flaw.draw, flaw.draw.uniform(7, 13))
        flaw.mark(lost(intact, ring))
    metal = _turned_metal(draw, frame, (0.66, 0.67, 0.69), 0.10)
    _set_down(scene, ring, metal, thickness=3.5, edge=5.0, gloss=0.25)
    return scene


def gear(draw: Stream, flaw: Flaw) -> Scene:
    """A steel spur gear with a bore, a keyway and five lightening holes."""
    scene = backdrop(draw, (0.80, 0.80, 0.78), 0.02)
    frame = pose(draw, 0.5, 7)
    teeth, root, tip = 24, 84.0, 99.0
    turn = angle(frame)
    away = radius(frame)
    wave = np.abs(turn * teeth - np.rint(turn * teeth))
    reach = mix(tip, root, step(wave, 0.17, 0.31))
    shape = (away - reach) * 0.75
    if flaw.kind in ("missing_tooth", "chipped_tooth"):
        tooth = flaw.draw.integer(0, teeth) / teeth
        x, y = float(cosine(tooth)) * tip, float(sine(tooth)) * tip
        intact = shape
        if flaw.kind == "missing_tooth":
            near = frame.moved(x, y, tooth)
            gap = np.maximum(np.abs(near.y) - 13.5, -near.x - (tip - root) - 1)
            shape = np.maximum(shape, np.minimum(-gap, away - root))
        else:
            shape = bite(shape, frame.moved(x, y), flaw.draw, flaw.draw.uniform(7, 11))
        flaw.mark(lost(intact, shape))
    for k in range(5):
        place = k / 5 + 0.1
        x, y = float(cosine(place)) * 51, float(sine(place)) * 51
        if flaw.kind == "blocked_hole" and k == 2:
            flaw.mark(disc(frame.moved(x, y), 15) < 0)
        else:
            shape = drill(shape, frame, x, y, 15)
    bore = np.minimum(disc(frame, 20), box(frame.moved(22, 0), 6, 5))
    shape = np.maximum(shape, -bore)
    metal = _turned_metal(draw, frame, (0.50, 0.51, 0.53), 0.08)
    _set_down(scene, shape, metal, thickness=4.0, edge=3.0, gloss=0.18)
    hub = cover(np.maximum(disc(frame, 33), -bore))
    rim = np.maximum(3.0 - np.abs(away - 33), 0.0)
    scene.height = scene.height - rim * 0.7 * scene.body
    scene.shade(1.0 + 0.05 * hub)
    return scene


_PLUS = ("..#..", "..#..", "#####", "..#..", "..#..")
_TYPE = (
    "####.####.####.####.####",
    "#....#..#....#.#..#...#.",
    "#....####.####.#..#..##.",
    "#....#.#..#....#..#....#",
    "####.#..#.####.####.####",
)


def coin_cell(draw: Stream, flaw: Flaw) -> Scene:
    """The positive side of a battery: a polished can with an embossed plus and type."""
    scene = backdrop(draw, (0.36, 0.42, 0.50), 0.03)
    frame = pose(draw, 0.02, 7)
    can = disc(frame, 94)
    metal = _turned_metal(draw, frame, (0.72, 0.72, 0.71), 0.13)
    metal = metal * (1.0 + 0.03 * field_at(draw, frame, 120, 1.2))
    _set_down(scene, can, metal, thickness=5.0, edge=7.0, gloss=0.30)
    away = radius(frame)
    scene.height = scene.height - 1.2 * np.maximum(1.0 - np.abs(away - 80) / 2.5, 0.0)
    marks = right = _marks(frame)
    if flaw.kind == "misprint":
        marks = _marks(frame.moved(0, 0, flaw.draw.sign() * flaw.draw.uniform(0.03, 0.06)))
        flaw.mark(np.abs(right - marks) > 0.4)
    scene.height = scene.height - 1.3 * marks
    scene.shade(1.0 - 0.18 * marks)
    return scene


def button(draw: Stream, flaw: Flaw) -> Scene:
    """A molded four-hole button, one of three dark colors, on pale felt."""
    scene = backdrop(draw, (0.83, 0.80, 0.74), 0.05)
    colors: tuple[Color, ...] = ((0.35, 0.14, 0.13), (0.14, 0.20, 0.33), (0.16, 0.27, 0.20))
    color = draw.choice(colors)
    frame = pose(draw, 0.5, 9)
    shape = disc(frame, 86)
    if flaw.kind == "chipped_rim":
        x, y = around_rim(flaw.draw, 85)
        intact = shape
        shape = bite(shape, frame.moved(x, y), flaw.draw, flaw.draw.uniform(9, 16))
        flaw.mark(lost(intact, shape))
    for k in range(4):
        place = 0.125 + k / 4
        x, y = float(cosine(place)) * 24, float(sine(place)) * 24
        if flaw.kind == "closed_hole" and k == 1:
            flaw.mark(disc(frame.moved(x, y), 8.5) < 0)
            continue
        shape = drill(shape, frame, x, y, 8.5)
        if flaw.kind == "torn_hole" and k == 1:
            torn = box(frame.moved(x, y, place).moved(9, 0), 11, 4.0, 2)
            flaw.mark((torn < 0) & (shape < 0))
            shape = np.maximum(shape, -torn)
    swirl = 0.10 * field_at(draw, frame, 34) + 0.06 * field_at(draw, frame, 12)
    _set_down(scene, shape, planes(color) * (1.0 + swirl), 5.0, 6.0, 0.30)
    away = radius(frame)
    dish = step(away, 54, 66) * 3.0
    scene.height = scene.height + dish * scene.body
    return scene


def biscuit(draw: Stream, flaw: Flaw) -> Scene:
    """A round biscuit, browner at its edge, with a ring of docking holes."""
    scene = backdrop(draw, (0.90, 0.90, 0.91), 0.015)
    frame = pose(draw, 0.5, 9)
    away, turn = radius(frame), angle(frame)
    scallop = 1.6 * sine(turn * 36)
    wobble = 1.2 * field_at(draw, frame, 30)
    shape = away - (88 + scallop + wobble)
    if flaw.kind == "broken_edge":
        x, y = around_rim(flaw.draw, 84)
        intact = shape
        shape = bite(shape, frame.moved(x, y), flaw.draw, flaw.draw.uniform(12, 26))
        flaw.mark(lost(intact, shape))
    bake = draw.around(0.45, 0.2)
    edge = step(away, 50, 92) * bake + 0.25 * fractal(draw, 50)
    dough = mix(planes((0.83, 0.65, 0.40)), planes((0.62, 0.39, 0.18)), np.clip(edge, 0, 1))
    crumb = 0.09 * field(draw, 3.0) + 0.06 * field(draw, 7.0)
    _set_down(scene, shape, dough * (1.0 + crumb), 6.0, 12.0, 0.03)
    scene.height = scene.height + (0.9 * field(draw, 5.0) + 0.5 * field(draw, 2.5)) * scene.body
    skipped = flaw.draw.integer(0, 8) if flaw.kind == "missing_hole" else -1
    for k in range(9):
        place, far = (k / 8, 48.0) if k < 8 else (0.0, 0.0)
        x = float(cosine(place)) * far + draw.around(0, 1.5)
        y = float(sine(place)) * far + draw.around(0, 1.5)
        if k == skipped:
            flaw.mark(disc(frame.moved(x, y), 5.5) < 0)
            continue
        window = frame.window(x, y, 10)
        pit = cover(disc(frame.part(window).moved(x, y), 4.0), 3.0)
        scene.part(window).shade(1.0 - 0.55 * pit)
        scene.height[window] -= 2.5 * pit
    return scene


def _turned_metal(draw: Stream, frame: Frame, color: Color, sheen: float) -> Array:
    """A lathe-turned face: fine rings, and two opposite wedges of light across them."""
    square = frame.x * frame.x + frame.y * frame.y + 40.0
    across = (frame.x * frame.x - frame.y * frame.y) / square
    diagonal = 2.0 * frame.x * frame.y / square
    turn = draw.uniform(0, 1)
    wedge = across * float(cosine(turn)) + diagonal * float(sine(turn))
    rings = field_at(draw, Frame(np.sqrt(square), 0.0 * square), 1.8)
    tone = 1.0 + sheen * wedge * (1.0 + 0.3 * rings) + 0.035 * rings
    return planes(color) * tone * (1.0 + 0.03 * fractal(draw, 50))


def _stencil(rows: tuple[str, ...], frame: Frame, pitch: float) -> Array:
    """A drawing in squares of `pitch` pixels around the origin, with soft corners."""
    grid = np.array([[float(mark == "#") for mark in f".{row}."] for row in ("", *rows, "") if row])
    grid = np.pad(grid, ((1, 1), (0, 0)))
    high, wide = grid.shape
    x = frame.x / pitch + (wide - 1) / 2
    y = frame.y / pitch + (high - 1) / 2
    x, y = np.clip(x, 0, wide - 1.001), np.clip(y, 0, high - 1.001)
    left, top = np.floor(x), np.floor(y)
    i, j = left.astype(np.int64), top.astype(np.int64)
    upper = mix(grid[j, i], grid[j, i + 1], x - left)
    lower = mix(grid[j + 1, i], grid[j + 1, i + 1], x - left)
    return step(mix(upper, lower, y - top), 0.35, 0.65)


def _marks(frame: Frame) -> Array:
    """What is embossed on the coin cell."""
    plus = _stencil(_PLUS, frame.moved(0, -28), 9.0)
    return np.maximum(plus, _stencil(_TYPE, frame.moved(0, 30), 4.6))


def _set_down(
    scene: Scene, shape: Array, color: Array, thickness: float, edge: float, gloss: float
) -> None:
    """Lay a plate on the table: shadow, color, rounded edge; it becomes the scene's body."""
    part = cover(shape)
    scene.drop_shadow(part, 3, 5, 5, 0.45)
    scene.lay(part, color, bevel(shape, edge, thickness), gloss)
    scene.body = part


def _squeezed(frame: Frame, draw: Stream, outer: float) -> Frame:
    """The frame in which a circle is pressed in on one side."""
    turned = frame.moved(0, 0, draw.uniform(0, 1))
    side = np.maximum(turned.x / outer, 0.0)
    return Frame(turned.x * (1.0 + draw.uniform(0.12, 0.18) * side * side), turned.y)
