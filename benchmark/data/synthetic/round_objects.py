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
from .defects import Defect, around_rim, bite, removed_region
from .noise import field, field_at, fractal
from .random_stream import Array, RandomStream
from .scene import Color, Scene, backdrop, planes


def washer(rng: RandomStream, defect: Defect) -> Scene:
    """A flat zinc-plated ring with turning marks."""
    scene = backdrop(rng, (0.16, 0.17, 0.19), 0.03)
    frame = pose(rng, 0.5, 9)
    outer = rng.around(88, 1.5)
    ring = np.maximum(disc(frame, outer), -disc(frame, outer * 0.5))
    if defect.kind == "deformed":
        intact, pressed = ring, _squeezed(frame, defect.rng, outer)
        ring = np.maximum(disc(pressed, outer), -disc(pressed, outer * 0.5))
        defect.mark((ring < 0) != (intact < 0))
    if defect.kind == "notch":
        x, y = around_rim(defect.rng, outer * defect.rng.choice((0.5, 1.0)))
        intact = ring
        ring = bite(ring, frame.moved(x, y), defect.rng, defect.rng.uniform(7, 13))
        defect.mark(removed_region(intact, ring))
    metal = _turned_metal(rng, frame, (0.66, 0.67, 0.69), 0.10)
    _lay_plate(scene, ring, metal, thickness=3.5, edge=5.0, gloss=0.25)
    return scene


def gear(rng: RandomStream, defect: Defect) -> Scene:
    """A steel spur gear with a bore, a keyway and five lightening holes."""
    scene = backdrop(rng, (0.80, 0.80, 0.78), 0.02)
    frame = pose(rng, 0.5, 7)
    teeth, root, tip = 24, 84.0, 99.0
    turn = angle(frame)
    away = radius(frame)
    wave = np.abs(turn * teeth - np.rint(turn * teeth))
    reach = mix(tip, root, step(wave, 0.17, 0.31))
    shape = (away - reach) * 0.75
    if defect.kind in ("missing_tooth", "chipped_tooth"):
        tooth = defect.rng.integer(0, teeth) / teeth
        x, y = float(cosine(tooth)) * tip, float(sine(tooth)) * tip
        intact = shape
        if defect.kind == "missing_tooth":
            near = frame.moved(x, y, tooth)
            gap = np.maximum(np.abs(near.y) - 13.5, -near.x - (tip - root) - 1)
            shape = np.maximum(shape, np.minimum(-gap, away - root))
        else:
            shape = bite(shape, frame.moved(x, y), defect.rng, defect.rng.uniform(7, 11))
        defect.mark(removed_region(intact, shape))
    for k in range(5):
        place = k / 5 + 0.1
        x, y = float(cosine(place)) * 51, float(sine(place)) * 51
        if defect.kind == "blocked_hole" and k == 2:
            defect.mark(disc(frame.moved(x, y), 15) < 0)
        else:
            shape = drill(shape, frame, x, y, 15)
    bore = np.minimum(disc(frame, 20), box(frame.moved(22, 0), 6, 5))
    shape = np.maximum(shape, -bore)
    metal = _turned_metal(rng, frame, (0.50, 0.51, 0.53), 0.08)
    _lay_plate(scene, shape, metal, thickness=4.0, edge=3.0, gloss=0.18)
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


def coin_cell(rng: RandomStream, defect: Defect) -> Scene:
    """The positive side of a battery: a polished can with an embossed plus and type."""
    scene = backdrop(rng, (0.36, 0.42, 0.50), 0.03)
    frame = pose(rng, 0.02, 7)
    can = disc(frame, 94)
    metal = _turned_metal(rng, frame, (0.72, 0.72, 0.71), 0.13)
    metal = metal * (1.0 + 0.03 * field_at(rng, frame, 120, 1.2))
    _lay_plate(scene, can, metal, thickness=5.0, edge=7.0, gloss=0.30)
    away = radius(frame)
    scene.height = scene.height - 1.2 * np.maximum(1.0 - np.abs(away - 80) / 2.5, 0.0)
    marks = right = _marks(frame)
    if defect.kind == "misprint":
        marks = _marks(frame.moved(0, 0, defect.rng.sign() * defect.rng.uniform(0.03, 0.06)))
        defect.mark(np.abs(right - marks) > 0.4)
    scene.height = scene.height - 1.3 * marks
    scene.shade(1.0 - 0.18 * marks)
    return scene


def button(rng: RandomStream, defect: Defect) -> Scene:
    """A molded four-hole button, one of three dark colors, on pale felt."""
    scene = backdrop(rng, (0.83, 0.80, 0.74), 0.05)
    colors: tuple[Color, ...] = ((0.35, 0.14, 0.13), (0.14, 0.20, 0.33), (0.16, 0.27, 0.20))
    color = rng.choice(colors)
    frame = pose(rng, 0.5, 9)
    shape = disc(frame, 86)
    if defect.kind == "chipped_rim":
        x, y = around_rim(defect.rng, 85)
        intact = shape
        shape = bite(shape, frame.moved(x, y), defect.rng, defect.rng.uniform(9, 16))
        defect.mark(removed_region(intact, shape))
    for k in range(4):
        place = 0.125 + k / 4
        x, y = float(cosine(place)) * 24, float(sine(place)) * 24
        if defect.kind == "closed_hole" and k == 1:
            defect.mark(disc(frame.moved(x, y), 8.5) < 0)
            continue
        shape = drill(shape, frame, x, y, 8.5)
        if defect.kind == "torn_hole" and k == 1:
            torn = box(frame.moved(x, y, place).moved(9, 0), 11, 4.0, 2)
            defect.mark((torn < 0) & (shape < 0))
            shape = np.maximum(shape, -torn)
    swirl = 0.10 * field_at(rng, frame, 34) + 0.06 * field_at(rng, frame, 12)
    _lay_plate(scene, shape, planes(color) * (1.0 + swirl), 5.0, 6.0, 0.30)
    away = radius(frame)
    dish = step(away, 54, 66) * 3.0
    scene.height = scene.height + dish * scene.body
    return scene


def biscuit(rng: RandomStream, defect: Defect) -> Scene:
    """A round biscuit, browner at its edge, with a ring of docking holes."""
    scene = backdrop(rng, (0.90, 0.90, 0.91), 0.015)
    frame = pose(rng, 0.5, 9)
    away, turn = radius(frame), angle(frame)
    scallop = 1.6 * sine(turn * 36)
    wobble = 1.2 * field_at(rng, frame, 30)
    shape = away - (88 + scallop + wobble)
    if defect.kind == "broken_edge":
        x, y = around_rim(defect.rng, 84)
        intact = shape
        shape = bite(shape, frame.moved(x, y), defect.rng, defect.rng.uniform(12, 26))
        defect.mark(removed_region(intact, shape))
    bake = rng.around(0.45, 0.2)
    edge = step(away, 50, 92) * bake + 0.25 * fractal(rng, 50)
    dough = mix(planes((0.83, 0.65, 0.40)), planes((0.62, 0.39, 0.18)), np.clip(edge, 0, 1))
    crumb = 0.09 * field(rng, 3.0) + 0.06 * field(rng, 7.0)
    _lay_plate(scene, shape, dough * (1.0 + crumb), 6.0, 12.0, 0.03)
    scene.height = scene.height + (0.9 * field(rng, 5.0) + 0.5 * field(rng, 2.5)) * scene.body
    skipped = defect.rng.integer(0, 8) if defect.kind == "missing_hole" else -1
    for k in range(9):
        place, far = (k / 8, 48.0) if k < 8 else (0.0, 0.0)
        x = float(cosine(place)) * far + rng.around(0, 1.5)
        y = float(sine(place)) * far + rng.around(0, 1.5)
        if k == skipped:
            defect.mark(disc(frame.moved(x, y), 5.5) < 0)
            continue
        window = frame.window(x, y, 10)
        pit = cover(disc(frame.part(window).moved(x, y), 4.0), 3.0)
        scene.part(window).shade(1.0 - 0.55 * pit)
        scene.height[window] -= 2.5 * pit
    return scene


def _turned_metal(rng: RandomStream, frame: Frame, color: Color, sheen: float) -> Array:
    """A lathe-turned face: fine rings, and two opposite wedges of light across them."""
    square = frame.x * frame.x + frame.y * frame.y + 40.0
    across = (frame.x * frame.x - frame.y * frame.y) / square
    diagonal = 2.0 * frame.x * frame.y / square
    turn = rng.uniform(0, 1)
    wedge = across * float(cosine(turn)) + diagonal * float(sine(turn))
    rings = field_at(rng, Frame(np.sqrt(square), 0.0 * square), 1.8)
    tone = 1.0 + sheen * wedge * (1.0 + 0.3 * rings) + 0.035 * rings
    return planes(color) * tone * (1.0 + 0.03 * fractal(rng, 50))


def _stencil(rows: tuple[str, ...], frame: Frame, pitch: float) -> Array:
    """A bitmap with cells of `pitch` pixels around the origin, with soft corners."""
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
    """The embossed marks of the coin cell."""
    plus = _stencil(_PLUS, frame.moved(0, -28), 9.0)
    return np.maximum(plus, _stencil(_TYPE, frame.moved(0, 30), 4.6))


def _lay_plate(
    scene: Scene, shape: Array, color: Array, thickness: float, edge: float, gloss: float
) -> None:
    """Paint a plate with its shadow and rounded edge; it becomes the body of the scene."""
    part = cover(shape)
    scene.drop_shadow(part, 3, 5, 5, 0.45)
    scene.lay(part, color, bevel(shape, edge, thickness), gloss)
    scene.body = part


def _squeezed(frame: Frame, rng: RandomStream, outer: float) -> Frame:
    """The frame in which a circle is compressed on one side."""
    turned = frame.moved(0, 0, rng.uniform(0, 1))
    side = np.maximum(turned.x / outer, 0.0)
    return Frame(turned.x * (1.0 + rng.uniform(0.12, 0.18) * side * side), turned.y)
