"""The five other objects: ampoule, bolt, bracket, connector and key."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .canvas import Frame, bevel, box, cover, disc, drill, mix, pose, radius, sine, step
from .defects import Defect, bite, removed_region
from .noise import field, field_at, fractal
from .random_stream import Array, RandomStream
from .scene import Scene, backdrop, planes


def ampoule(rng: RandomStream, defect: Defect) -> Scene:
    """Amber glass before a lit screen: body, neck, break ring and liquid up to a level."""
    scene = backdrop(rng, (0.88, 0.89, 0.90), 0.006)
    frame = pose(rng, 0.006, 5, 0.015)
    flank = _ampoule_flank(frame.y)
    shape = (np.abs(frame.x) - flank) * 0.9
    shape = np.maximum(shape, np.maximum(frame.y - 108, -112 - frame.y))
    if defect.kind == "broken_tip":
        intact = shape
        cut = defect.rng.uniform(-96, -80) + 0.5 * defect.rng.sign() * frame.x
        jag = 2.5 * field_at(defect.rng, frame, 5, 300)
        shape = np.maximum(shape, cut + jag - frame.y)
        defect.mark(removed_region(intact, shape))
    glass = cover(shape)
    side = np.clip(np.abs(frame.x) / np.maximum(flank, 1.0), 0.0, 1.0)
    wall = side * side * side * side
    amber = mix(planes((0.83, 0.52, 0.20)), planes((0.25, 0.11, 0.03)), wall)
    amber = amber * (1.0 - 0.25 * step(frame.x / np.maximum(flank, 1.0), 0.1, 1.0))
    level = rng.around(-8, 4)
    if defect.kind == "low_fill":
        right = level
        level = level + defect.rng.uniform(22, 45)
        defect.mark((glass > 0.5) & (frame.y > right) & (frame.y < level))
    meniscus = level - 3.0 * side * side
    liquid = cover(meniscus - frame.y)
    amber = amber * mix(1.0, planes((0.72, 0.60, 0.45)), liquid)
    surface = np.maximum(1.0 - np.abs(frame.y - meniscus) / 2.0, 0.0)
    amber = amber * (1.0 - 0.35 * surface)
    scene.lay(glass * 0.93, amber * (1.0 + 0.03 * fractal(rng, 60)), gloss=0.2)
    shine = np.maximum(1.0 - np.abs(frame.x + flank * 0.55) / (flank * 0.12 + 0.5), 0.0)
    scene.lay(glass * shine * 0.55, (0.98, 0.93, 0.85))
    ring = glass * cover(np.abs(frame.y + 52) - 2.2)
    if defect.kind == "missing_ring":
        defect.mark(ring > 0.5)
    else:
        scene.lay(0.9 * ring, (0.93, 0.93, 0.90))
    scene.body = glass
    return scene


def bolt(rng: RandomStream, defect: Defect) -> Scene:
    """A hexagon bolt lying on its side, turned by up to 65 degrees."""
    scene = backdrop(rng, (0.60, 0.61, 0.62), 0.04)
    frame = pose(rng, 0.18, 8)
    if defect.kind == "bent_shank":
        frame = _bent(frame, defect, -10, lambda frame: box(frame.moved(16, 0), 76, 15))
    threads = 0.5 + 0.5 * sine((frame.x + 0.18 * frame.y) / 7.0 + rng.uniform(0, 1))
    cut = step(frame.x, -18, -10)
    if defect.kind == "worn_thread":
        place = defect.rng.uniform(12, 60)
        worn = cover(np.abs(frame.x - place) - defect.rng.uniform(7, 13), 4.0)
        threads = mix(threads, 0.35, worn)
        defect.mark((worn > 0.4) & (np.abs(frame.y) < 15))
    core = 15.0 - 2.6 * cut * (1.0 - threads)
    shank = np.maximum(np.abs(frame.y) - core, np.abs(frame.x - 16) - 76)
    if defect.kind == "short":
        intact = shank
        shank = np.maximum(shank, frame.x - defect.rng.uniform(60, 76))
        defect.mark(removed_region(intact, shank))
    head = box(frame.moved(-74, 0), 14, 33, 3)
    if defect.kind == "rounded_head":
        intact = head
        side = defect.rng.sign()
        head = bite(head, frame.moved(-66, 31 * side), defect.rng, defect.rng.uniform(10, 15))
        defect.mark(removed_region(intact, head) & (shank > 0))
    flange = box(frame.moved(-57, 0), 4, 37, 2)
    shape = np.minimum(np.minimum(shank, head), flange)
    part = cover(shape)
    scene.drop_shadow(part, 4, 7, 6, 0.5)
    tone = 1.0 + 0.05 * field_at(rng, frame, 40, 3) + 0.05 * fractal(rng, 40)
    steel = planes((0.60, 0.60, 0.58)) * tone
    bulge = np.sqrt(np.maximum(core * core - frame.y * frame.y, 0.0))
    facet = 16.0 - 0.9 * np.maximum(np.abs(frame.y) - 16.0, 0.0)
    block = np.minimum(facet, bevel(head, 4.0, 16.0) + 4.0)
    height = np.where(flange < 0, 19.0 + bevel(flange, 4, 2.0), np.where(head < 0, block, bulge))
    scene.lay(part, steel * (1.0 - 0.35 * cut * (1.0 - threads) * (shank < 0)), height, 0.28)
    scene.body = part
    return scene


def bracket(rng: RandomStream, defect: Defect) -> Scene:
    """A galvanized angle plate with four holes and a slot."""
    scene = backdrop(rng, (0.28, 0.22, 0.17), 0.05)
    frame = pose(rng, 0.03, 8)
    if defect.kind == "bent_arm":
        frame = _bent(frame, defect, 20, lambda frame: box(frame.moved(0, 60), 84, 30, 8))
    upright = box(frame.moved(-54, 0), 30, 90, 8)
    foot = box(frame.moved(0, 60), 84, 30, 8)
    shape = np.minimum(upright, foot)
    if defect.kind == "broken_corner":
        x, y = defect.rng.choice(((-84.0, -90.0), (84.0, 90.0), (-24.0, -90.0), (84.0, 30.0)))
        intact = shape
        shape = bite(shape, frame.moved(x, y), defect.rng, defect.rng.uniform(16, 26))
        defect.mark(removed_region(intact, shape))
    holes = ((-54.0, -66.0), (-54.0, -28.0), (30.0, 60.0), (62.0, 60.0))
    odd = defect.rng.integer(0, 4) if defect.kind in ("missing_hole", "shifted_hole") else -1
    for k, (x, y) in enumerate(holes):
        right = disc(frame.moved(x, y), 9) if k == odd else None
        if right is not None and defect.kind == "missing_hole":
            defect.mark(right < 0)
            continue
        if right is not None:
            x, y = x + 7 * defect.rng.sign(), y + 7 * defect.rng.sign()
            defect.mark((right < 0) != (disc(frame.moved(x, y), 9) < 0))
        shape = drill(shape, frame, x, y, 9)
    shape = np.maximum(shape, -box(frame.moved(-48, 60), 16, 6, 6))
    spangle = field_at(rng, frame, 13) + 0.7 * field_at(rng, frame, 7)
    zinc = planes((0.60, 0.63, 0.66)) * (1.0 + 0.10 * spangle + 0.04 * fractal(rng, 70))
    part = cover(shape)
    scene.drop_shadow(part, 4, 6, 5, 0.55)
    scene.lay(part, zinc, bevel(shape, 3.0, 3.5), 0.12)
    scene.body = part
    return scene


def connector(rng: RandomStream, defect: Defect) -> Scene:
    """A black housing with two rows of eight gilded contacts on a green board."""
    scene = backdrop(rng, (0.09, 0.33, 0.21), 0.03)
    frame = pose(rng, 0.012, 5)
    trace = cover(np.abs(np.abs(frame.y) - 84 + 4 * sine(frame.x / 60)) - 2.0)
    scene.lay(0.5 * trace, (0.16, 0.45, 0.29))
    shape = box(frame, 108, 48, 5)
    if defect.kind == "broken_housing":
        x = defect.rng.uniform(-90, 90)
        intact = shape
        near = frame.moved(x, 48 * defect.rng.sign())
        shape = bite(shape, near, defect.rng, defect.rng.uniform(9, 15))
        defect.mark(removed_region(intact, shape))
    part = cover(shape)
    scene.drop_shadow(part, 3, 5, 4, 0.6)
    plastic = planes((0.13, 0.13, 0.14)) * (1.0 + 0.10 * field(rng, 2.0) + 0.06 * fractal(rng, 40))
    scene.lay(part, plastic, bevel(shape, 4.0, 4.0), 0.10)
    scene.body = part
    odd = defect.rng.integer(0, 16)
    for k in range(16):
        x, y = (k % 8 - 3.5) * 25.0, (k // 8 - 0.5) * 44.0
        window = frame.window(x, y, 24)
        local, spot = scene.part(window), frame.part(window).moved(x, y)
        hollow = cover(box(spot, 9, 15, 2), 2.0)
        local.lay(hollow, (0.05, 0.05, 0.055), -3.0, 0.02)
        shift, lean = rng.around(0, 0.6), rng.around(0, 0.006)
        bright = rng.around(1.0, 0.08)
        pin = right = box(spot.moved(shift, 0, lean), 4.2, 11, 1.5)
        gold = (0.80 * bright, 0.64 * bright, 0.30 * bright)
        if k == odd and defect.kind == "missing_pin":
            defect.mask[window] = pin < 0
            continue
        if k == odd and defect.kind == "bent_pin":
            turn = defect.rng.sign() * defect.rng.uniform(0.04, 0.09)
            pin = box(spot.moved(shift + 3 * defect.rng.sign(), 0, turn), 4.2, 11, 1.5)
            defect.mask[window] = (right < 0) != (pin < 0)
        if k == odd and defect.kind == "tarnished_pin":
            gold = (0.50 * bright, 0.36 * bright, 0.20 * bright)
            defect.mask[window] = pin < 0
        local.lay(cover(pin), gold, bevel(pin, 3.5, 3.0), 0.35)
    return scene


_CUTS = (5.0, 10.0, 3.5, 8.0, 11.0, 6.0)


def key(rng: RandomStream, defect: Defect) -> Scene:
    """A brass key: round bow with a hole, grooved blade with six cuts."""
    scene = backdrop(rng, (0.86, 0.86, 0.88), 0.02)
    frame = pose(rng, 0.08, 8)
    if defect.kind == "bent_blade":
        frame = _bent(frame, defect, 10, lambda frame: _blade(frame, _CUTS))
    bow = np.minimum(disc(frame.moved(-62, 0), 38), box(frame.moved(-34, 0), 16, 20, 4))
    bow = np.maximum(bow, -disc(frame.moved(-78, 0), 10))
    blade = _blade(frame, _CUTS)
    if defect.kind == "wrong_cut":
        odd, right = defect.rng.integer(0, len(_CUTS)), blade
        other = _CUTS[odd] + (6.5 if _CUTS[odd] < 7 else -6.5)
        blade = _blade(frame, (*_CUTS[:odd], other, *_CUTS[odd + 1 :]))
        defect.mark((blade < 0) != (right < 0))
    if defect.kind == "broken_tip":
        intact = blade
        jag = 2.0 * field_at(defect.rng, frame, 300, 6)
        blade = np.maximum(blade, frame.x + jag - defect.rng.uniform(78, 92))
        defect.mark(removed_region(intact, blade))
    shape = np.minimum(bow, blade)
    part = cover(shape)
    scene.drop_shadow(part, 3, 5, 4, 0.45)
    tone = 1.0 + 0.05 * field_at(rng, frame, 60, 1.6) + 0.05 * fractal(rng, 50)
    height = bevel(shape, 4.0, 3.5)
    groove = cover(np.abs(frame.y + 5) - 2.5, 2.0) * step(frame.x, -20, -14)
    height = height - 1.6 * groove
    raised = cover(np.maximum(disc(frame.moved(-58, 0), 26), 16 - radius(frame.moved(-78, 0))))
    scene.lay(part, planes((0.74, 0.60, 0.33)) * tone, height - 1.0 * raised, 0.28)
    scene.body = part
    return scene


def _ampoule_flank(y: Array) -> Array:
    """Half the width of the glass at height y (downwards)."""
    neck, body, tip = 9.0, 36.0, 13.0
    shoulder = mix(neck, body, step(y, -52, -22))
    stem = mix(tip, neck, step(y, -78, -56))
    crown = step(y, -116, -98)
    low = np.clip(y - 92.0, 0.0, 16.0)
    rounding = 16.0 - np.sqrt(256.0 - low * low)
    return np.where(y < -54, stem * np.maximum(crown, 0.2), shoulder) - rounding


def _bent(frame: Frame, defect: Defect, start: float, limb: Callable[[Frame], Array]) -> Frame:
    """The frame of an object whose `limb`, from x = `start` on, is bent sideways.

    The defect mask covers both where the bent limb is and where the straight one would be.
    """
    beyond = np.maximum(frame.x - start, 0.0)
    rise = defect.rng.sign() * defect.rng.uniform(0.10, 0.18)
    offset = rise * beyond * np.minimum(beyond / 30.0, 1.0)
    bent = Frame(frame.x, frame.y + offset)
    defect.mark((np.abs(offset) > 1.0) & ((limb(frame) < 0) | (limb(bent) < 0)))
    return bent


def _blade(frame: Frame, cuts: tuple[float, ...]) -> Array:
    """The blade of a key: a pointed bar with flat-bottomed notches in its lower edge."""
    edge = np.zeros(frame.x.shape)
    for k, depth in enumerate(cuts):
        notch = depth + 3.0 - 0.9 * np.abs(frame.x - (4 + 15.0 * k))
        edge = np.maximum(edge, np.minimum(notch, depth))
    bar = np.maximum(np.abs(frame.y) - 15, np.maximum(-40 - frame.x, frame.x - 102))
    point = (np.abs(frame.y + 2) + frame.x - 108) * 0.7
    return np.maximum(np.maximum(bar, point), (frame.y - (15 - edge)) * 0.75)
