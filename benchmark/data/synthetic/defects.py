"""Defects that any surface can have. Each function returns a painter, which returns its mask.

Defects of shape (a missing tooth, a bent shank) are painted by the category with that shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .canvas import SIZE, Frame, blur, centered, cosine, cover, disc, mix, path, radius, sine
from .noise import field_at
from .random_stream import Array, RandomStream
from .scene import Color, Scene, planes

SurfaceDefect = Callable[[Scene, RandomStream], Array]


@dataclass
class Defect:
    """The defect of one image ("good": none), and the mask of where it was painted."""

    kind: str
    rng: RandomStream
    mask: Array = field(default_factory=lambda: np.zeros((SIZE, SIZE), dtype=bool))

    def mark(self, region: Array) -> None:
        """Add a region (bool) to the mask."""
        self.mask = self.mask | region


def scratch(length: tuple[float, float], width: float, depth: float, tone: float) -> SurfaceDefect:
    """A slightly curved groove, thin at its ends; `tone` brightens (positive) or darkens it."""

    def paint(scene: Scene, rng: RandomStream) -> Array:
        frame = _somewhere(scene, rng, margin=6).moved(0, 0, rng.uniform(0, 1))
        half, sag = rng.uniform(*length) / 2, rng.around(0, 0.25)
        bow = [(half * t, sag * half * (t * t - 0.4)) for t in (-1.0, -0.5, 0.0, 0.5, 1.0)]
        away, along = path(frame, bow)
        thin = 1.0 - (2.0 * along - 1.0) * (2.0 * along - 1.0)
        groove = cover(away - width * (0.25 + 0.75 * thin) / 2) * scene.body
        scene.height = scene.height - depth * groove
        scene.shade(1.0 + tone * groove)
        return groove > 0.3

    return paint


def crack(length: tuple[float, float], width: float, tone: float = -0.6) -> SurfaceDefect:
    """A jagged dark line."""

    def paint(scene: Scene, rng: RandomStream) -> Array:
        frame = _somewhere(scene, rng, margin=8).moved(0, 0, rng.uniform(0, 1))
        size = rng.uniform(*length)
        points = [(size * (k / 9 - 0.5), rng.around(0, size * 0.06)) for k in range(10)]
        away, along = path(frame, points)
        line = cover(away - width * (0.35 + 0.65 * (1.0 - along)) / 2) * scene.body
        scene.height = scene.height - 2.0 * line
        scene.shade(1.0 + tone * line)
        return line > 0.3

    return paint


def stain(
    size: tuple[float, float], color: Color, strength: float, rough: float = 0.3
) -> SurfaceDefect:
    """A ragged patch of another color on unchanged relief."""

    def paint(scene: Scene, rng: RandomStream) -> Array:
        blob = _blob(_somewhere(scene, rng, margin=4), rng, rng.uniform(*size), rough)
        patch = cover(blob, 5.0) * scene.body
        texture = 0.8 + 0.2 * field_at(rng, centered(), 4.0)
        scene.lay(patch * strength * texture, color)
        scene.gloss = scene.gloss * (1.0 - 0.7 * strength * patch)
        return patch > 0.3

    return paint


def dent(size: tuple[float, float], depth: float) -> SurfaceDefect:
    """A round hollow (a bump if `depth` is negative), visible only by its shading."""

    def paint(scene: Scene, rng: RandomStream) -> Array:
        frame, reach = _somewhere(scene, rng, margin=8), rng.uniform(*size)
        frame = frame.moved(0, 0, rng.uniform(0, 1))
        oval = radius(Frame(frame.x, frame.y * rng.uniform(1.0, 1.5))) / reach
        inside = np.maximum(1.0 - oval * oval, 0.0)
        scene.height = scene.height - depth * inside * inside * scene.body
        return (oval < 0.9) & (scene.body > 0.5)

    return paint


def hole(size: tuple[float, float], color: Color, rough: float = 0.15) -> SurfaceDefect:
    """Missing material: a dark pit with an edge."""

    def paint(scene: Scene, rng: RandomStream) -> Array:
        reach = rng.uniform(*size)
        blob = _blob(_somewhere(scene, rng, margin=int(reach) + 3), rng, reach, rough)
        pit = cover(blob) * scene.body
        scene.lay(pit, color, gloss=0.0)
        scene.height = scene.height - 4.0 * cover(blob, 4.0) * scene.body
        return pit > 0.3

    return paint


def debris(
    count: tuple[int, int], size: tuple[float, float], colors: tuple[Color, ...]
) -> SurfaceDefect:
    """Foreign particles lying close together on the surface, with their shadows."""

    def paint(scene: Scene, rng: RandomStream) -> Array:
        center = _somewhere(scene, rng, margin=8)
        mask = np.zeros((SIZE, SIZE), dtype=bool)
        for _ in range(rng.integer(count[0], count[1] + 1)):
            frame = center.moved(rng.around(0, 12), rng.around(0, 12))
            blob = _blob(frame, rng, rng.uniform(*size), 0.25)
            grain = cover(blob)
            scene.drop_shadow(grain, 1, 2, 1, 0.5)
            rise = scene.height + np.clip(-blob, 0.0, 3.0) * 0.7
            scene.lay(grain, rng.choice(colors), rise, 0.1)
            mask |= grain > 0.3
        return mask

    return paint


def fibre(length: tuple[float, float], width: float, color: Color) -> SurfaceDefect:
    """A hair or thread lying on the surface."""

    def paint(scene: Scene, rng: RandomStream) -> Array:
        frame = _somewhere(scene, rng, margin=4).moved(0, 0, rng.uniform(0, 1))
        size, wave = rng.uniform(*length), rng.uniform(0.10, 0.28)
        shift = rng.uniform(0, 1)
        points = [
            (size * (t - 0.5), size * wave * float(sine(t * 0.9 + shift)))
            for t in (k / 9 for k in range(10))
        ]
        away, _ = path(frame, points)
        hair = cover(away - width / 2)
        scene.drop_shadow(hair, 1, 2, 1, 0.45)
        scene.lay(hair, color, scene.height + np.maximum(width / 2 - away, 0.0), 0.05)
        return hair > 0.3

    return paint


def smudge(size: tuple[float, float], amount: float, gap: float = 5.0) -> SurfaceDefect:
    """A fingerprint: curved ridges of grease that reduce the gloss."""

    def paint(scene: Scene, rng: RandomStream) -> Array:
        frame = _somewhere(scene, rng, margin=10).moved(0, 0, rng.uniform(0, 1))
        reach = rng.uniform(*size)
        oval = Frame(frame.x, frame.y * 0.75)
        patch = cover(disc(oval, reach), 6.0) * scene.body
        bent = radius(Frame(frame.x + reach * 0.5, frame.y * 0.8)) + 2 * field_at(rng, frame, 14)
        ridges = 0.55 + 0.45 * sine(bent / gap)
        scene.shade(1.0 + amount * patch * ridges)
        scene.gloss = scene.gloss * (1.0 - 0.8 * patch * ridges)
        return patch > 0.3

    return paint


def abrasion(size: tuple[float, float], tone: float) -> SurfaceDefect:
    """A worn patch: fine parallel scuffs on a blurred surface."""

    def paint(scene: Scene, rng: RandomStream) -> Array:
        frame = _somewhere(scene, rng, margin=8).moved(0, 0, rng.uniform(0, 1))
        blob = _blob(Frame(frame.x * 0.6, frame.y), rng, rng.uniform(*size), 0.25)
        patch = cover(blob, 4.0) * scene.body
        scuffs = field_at(rng, frame, 24.0, 1.5)
        flat = np.stack([blur(plane, 3) for plane in scene.color])
        scene.color = mix(scene.color, flat, 0.6 * patch)
        scene.height = mix(scene.height, blur(scene.height, 2), 0.6 * patch)
        scene.shade(1.0 + tone * patch * (0.6 + 0.4 * scuffs))
        return patch > 0.3

    return paint


def recolor(size: tuple[float, float], tint: Color) -> SurfaceDefect:
    """A wide, soft change of hue: the colors are multiplied by `tint`."""

    def paint(scene: Scene, rng: RandomStream) -> Array:
        blob = _blob(_somewhere(scene, rng, margin=6), rng, rng.uniform(*size), 0.3)
        patch = cover(blob, 12.0) * scene.body
        scene.color = scene.color * mix(1.0, planes(tint), patch)
        return patch > 0.4

    return paint


def bite(shape: Array, frame: Frame, rng: RandomStream, size: float) -> Array:
    """`shape` with a ragged piece of radius `size` broken off around the origin of `frame`."""
    turned = frame.moved(0, 0, rng.uniform(0, 1))
    return np.maximum(shape, -_blob(turned, rng, size, 0.3))


def removed_region(before: Array, after: Array) -> Array:
    """Where a shape (signed distances) was before, but is not after."""
    region: Array = (cover(before) > 0.5) & (cover(after) < 0.5)
    return region


def around_rim(rng: RandomStream, size: float) -> tuple[float, float]:
    """A random point on the circle of radius `size`."""
    turn = rng.uniform(0, 1)
    return size * float(cosine(turn)), size * float(sine(turn))


def _somewhere(scene: Scene, rng: RandomStream, margin: int) -> Frame:
    """A frame around a random point of the product, `margin` pixels or more from its edges."""
    inside = blur(scene.body, max(margin // 2, 1)) > 0.995
    inside[:24] = inside[-24:] = False
    inside[:, :24] = inside[:, -24:] = False
    places = np.flatnonzero(inside if inside.any() else scene.body > 0.9)
    place = int(places[rng.integer(0, len(places))])
    middle = (SIZE - 1) / 2
    return centered().moved(place % SIZE - middle, place // SIZE - middle)


def _blob(frame: Frame, rng: RandomStream, size: float, rough: float) -> Array:
    """A ragged disc: its edge wanders by `rough` times its radius."""
    stretch = rng.uniform(0.75, 1.0)
    away = radius(Frame(frame.x, frame.y / stretch))
    wander = field_at(rng, frame, size * 0.7 + 2.0)
    blob: Array = away - size * (1.0 + rough * wander)
    return blob
