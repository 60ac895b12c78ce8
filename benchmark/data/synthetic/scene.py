"""A picture in the making: colors, relief and gloss of what the camera sees, and its exposure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from .canvas import SIZE, Window, blur, cosine, sine, whole
from .noise import field, fractal
from .random_streams import Array, Stream

Color = tuple[float, float, float]


def planes(color: Color) -> Array:
    """A color as a (3, 1, 1) array."""
    return np.array(color)[:, None, None]


@dataclass
class Scene:
    """Painted from back to front. All planes are (256, 256); `body` is where the product is."""

    color: Array
    height: Array = dataclasses.field(default_factory=lambda: np.zeros((SIZE, SIZE)))
    gloss: Array = dataclasses.field(default_factory=lambda: np.zeros((SIZE, SIZE)))
    body: Array = dataclasses.field(default_factory=lambda: np.zeros((SIZE, SIZE)))

    def lay(
        self,
        cover: Array,
        color: Color | Array,
        height: Array | float | None = None,
        gloss: float | None = None,
    ) -> None:
        """Put a material where `cover` (0 to 1) says; None leaves that property as it is."""
        paint = planes(color) if isinstance(color, tuple) else color
        self.color += (paint - self.color) * cover
        if height is not None:
            self.height += (height - self.height) * cover
        if gloss is not None:
            self.gloss += (gloss - self.gloss) * cover

    def shade(self, factor: Array) -> None:
        """Multiply the colors by a plane."""
        self.color *= factor

    def part(self, window: Window) -> Scene:
        """A window onto the scene: what is painted there is painted here."""
        color = self.color[(slice(None), *window)]
        return Scene(color, self.height[window], self.gloss[window], self.body[window])

    def drop_shadow(self, cover: Array, x: int, y: int, softness: int, strength: float) -> None:
        """The soft shadow that a part will throw on what is painted so far."""
        moved = np.roll(cover, (y, x), axis=(0, 1))
        self.shade(1.0 - strength * blur(moved, softness))


def backdrop(draw: Stream, color: Color, grain: float) -> Scene:
    """An empty table: a flat color, slightly cloudy and grainy."""
    tone = draw.around(1.0, 0.04) * (1.0 + 0.03 * fractal(draw, 90) + grain * field(draw, 2.5))
    return Scene(planes(color) * tone)


@dataclass(frozen=True)
class Light:
    """The lamp and the camera of one picture.

    The light comes from direction `turn` (in full turns) and stands `low` off the vertical;
    `ambient` is the share of light from everywhere; `slope` is how much the side towards the lamp
    is brighter; `grain` is the deviation of the sensor noise.
    """

    turn: float
    low: float
    ambient: float
    brightness: float
    slope: float
    grain: float


def lamp(draw: Stream, turn: float, low: float, ambient: float) -> Light:
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
    down = _slope(scene.height)
    across = np.ascontiguousarray(_slope(np.ascontiguousarray(scene.height.T)).T)
    steep = np.sqrt(1.0 + across * across + down * down)
    facing = np.maximum((1.0 - across * lx - down * ly) / steep, 0.0)
    mirror = np.maximum((1.0 - across * (0.5 * lx) - down * (0.5 * ly)) / steep, 0.0)
    mirror /= np.sqrt(1.0 + 0.25 * light.low * light.low)
    for _ in range(4):
        mirror *= mirror
    frame = whole()
    fall = 1.0 + light.slope * (frame.x * lx + frame.y * ly) / (128.0 * light.low)
    fall *= 1.0 - 0.10 * (frame.x * frame.x + frame.y * frame.y) / 32768.0
    diffuse = (light.ambient + (1.0 - light.ambient) * facing) * fall * light.brightness
    highlight = scene.gloss * mirror * light.brightness
    clouds = light.grain * 0.5 * field(draw, 3.0)
    picture = np.empty((SIZE, SIZE, 3), dtype=np.uint8)
    for channel, warmth in enumerate((draw.around(1.0, 0.015), 1.0, draw.around(1.0, 0.02))):
        plane = _lens((scene.color[channel] * diffuse + highlight) * warmth)
        plane += light.grain * draw.bell(SIZE, SIZE) + clouds
        picture[:, :, channel] = np.rint(np.clip(plane, 0.0, 1.0) * 255.0)
    return picture


def _slope(height: Array) -> Array:
    """Differences down the columns, not steeper than 3; the border repeats its neighbor."""
    slope = np.empty(height.shape)
    slope[1:-1] = (height[2:] - height[:-2]) * 0.5
    slope[0], slope[-1] = slope[1], slope[-2]
    return np.clip(slope, -3.0, 3.0)


def _lens(plane: Array) -> Array:
    """The slight softness of a lens: weights 1, 4, 1 along both axes."""
    for _ in range(2):
        soft = plane * 4.0
        soft[1:] += plane[:-1]
        soft[:-1] += plane[1:]
        soft[0] += plane[0]
        soft[-1] += plane[-1]
        plane = np.ascontiguousarray(soft.T) / 6.0
    return plane
