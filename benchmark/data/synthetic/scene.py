"""A picture in the making: colours, relief and gloss of what the camera sees, and its exposure."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmark.data.synthetic.canvas import SIZE, blur, cosine, mix, sine, whole
from benchmark.data.synthetic.noise import field as noise_field
from benchmark.data.synthetic.streams import Array, Stream

Colour = tuple[float, float, float]


def planes(colour: Colour) -> Array:
    """A colour as a (3, 1, 1) array."""
    return np.array(colour)[:, None, None]


@dataclass
class Scene:
    """Painted from back to front. All planes are (256, 256); `body` is where the product is."""

    colour: Array
    height: Array = field(default_factory=lambda: np.zeros((SIZE, SIZE)))
    gloss: Array = field(default_factory=lambda: np.zeros((SIZE, SIZE)))
    body: Array = field(default_factory=lambda: np.zeros((SIZE, SIZE)))

    def lay(
        self,
        cover: Array,
        colour: Colour | Array,
        height: Array | float | None = None,
        gloss: float | None = None,
    ) -> None:
        """Put a material where `cover` (0 to 1) says; None leaves that property as it is."""
        paint = planes(colour) if isinstance(colour, tuple) else colour
        self.colour = mix(self.colour, paint, cover)
        if height is not None:
            self.height = mix(self.height, height, cover)
        if gloss is not None:
            self.gloss = mix(self.gloss, gloss, cover)

    def shade(self, factor: Array) -> None:
        """Multiply the colours by a plane."""
        self.colour = self.colour * factor

    def drop_shadow(self, cover: Array, x: int, y: int, softness: int, strength: float) -> None:
        """The soft shadow that a part will throw on what is painted so far."""
        moved = np.roll(cover, (y, x), axis=(0, 1))
        self.shade(1.0 - strength * blur(moved, softness))


@dataclass(frozen=True)
class Light:
    """One lamp. `turn` is the direction it comes from; `low` is how far it stands from overhead."""

    turn: float
    low: float
    ambient: float
    brightness: float
    slope: float
    grain: float


def lamp(draw: Stream, turn: float, low: float = 0.7, ambient: float = 0.35) -> Light:
    """The lamp of a category with the small changes from picture to picture."""
    return Light(
        turn=draw.around(turn, 0.03),
        low=draw.around(low, 0.06),
        ambient=ambient,
        brightness=draw.around(1.0, 0.06),
        slope=draw.around(0.10, 0.05),
        grain=draw.uniform(0.007, 0.013),
    )


def expose(scene: Scene, light: Light, draw: Stream) -> Array:
    """The camera's picture, (256, 256, 3) uint8: relief shading, highlights, lens and noise."""
    lx, ly = cosine(light.turn) * light.low, sine(light.turn) * light.low
    length = np.sqrt(light.low * light.low + 1.0)
    down = np.clip(_slope(scene.height, 0), -3.0, 3.0)
    across = np.clip(_slope(scene.height, 1), -3.0, 3.0)
    steep = np.sqrt(1.0 + across * across + down * down)
    facing = np.maximum((1.0 - across * lx - down * ly) / (steep * length), 0.0)
    mirror = np.maximum((1.0 - across * lx * 0.5 - down * ly * 0.5) / steep, 0.0)
    mirror = mirror / np.sqrt(1.0 + 0.25 * light.low * light.low)
    for _ in range(4):
        mirror = mirror * mirror
    frame = whole()
    fall = 1.0 + light.slope * (frame.x * lx + frame.y * ly) / (128.0 * light.low)
    fall = fall * (1.0 - 0.10 * (frame.x * frame.x + frame.y * frame.y) / 32768.0)
    diffuse = (light.ambient + (1.0 - light.ambient) * facing * length) * fall * light.brightness
    warmth = planes((draw.around(1.0, 0.015), 1.0, draw.around(1.0, 0.02)))
    picture = (scene.colour * diffuse + scene.gloss * mirror * light.brightness) * warmth
    picture = _lens(picture)
    picture = picture + light.grain * draw.bell(3, SIZE, SIZE)
    picture = picture + light.grain * 0.5 * noise_field(draw, 3.0)
    levels = np.rint(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(1, 2, 0))


def _slope(height: Array, axis: int) -> Array:
    """Central differences; the border repeats its neighbour."""
    ends = [(0, 0), (0, 0)]
    ends[axis] = (1, 1)
    wide = np.pad(height, ends, mode="edge")
    if axis == 0:
        return (wide[2:] - wide[:-2]) * 0.5
    return (wide[:, 2:] - wide[:, :-2]) * 0.5


def _lens(picture: Array) -> Array:
    """The slight softness of a lens: weights 1, 4, 1 along both axes."""
    wide = np.pad(picture, ((0, 0), (1, 1), (0, 0)), mode="edge")
    picture = (wide[:, :-2] + 4.0 * picture + wide[:, 2:]) / 6.0
    wide = np.pad(picture, ((0, 0), (0, 0), (1, 1)), mode="edge")
    return (wide[:, :, :-2] + 4.0 * picture + wide[:, :, 2:]) / 6.0
