"""The scene before the camera (colors, relief, gloss), and its exposure to an image."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from .canvas import SIZE, Window, blur, centered, cosine, sine
from .noise import field, fractal
from .random_stream import Array, RandomStream

Color = tuple[float, float, float]


def planes(color: Color) -> Array:
    """A color as a (3, 1, 1) array."""
    return np.array(color)[:, None, None]


@dataclass
class Scene:
    """Painted from back to front. Planes are (256, 256); `body` is where the product is."""

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
        """Paint a material where `cover` (0 to 1) is set. None keeps a property unchanged."""
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
        """A view of a window of the scene; painting it paints this scene."""
        color = self.color[(slice(None), *window)]
        return Scene(color, self.height[window], self.gloss[window], self.body[window])

    def drop_shadow(self, cover: Array, x: int, y: int, softness: int, strength: float) -> None:
        """Darken what is painted so far by the soft shadow of a part."""
        moved = np.roll(cover, (y, x), axis=(0, 1))
        self.shade(1.0 - strength * blur(moved, softness))


def backdrop(rng: RandomStream, color: Color, grain: float) -> Scene:
    """An empty table: one color, slightly cloudy and grainy."""
    tone = rng.around(1.0, 0.04) * (1.0 + 0.03 * fractal(rng, 90) + grain * field(rng, 2.5))
    return Scene(planes(color) * tone)


@dataclass(frozen=True)
class Light:
    """Lamp and camera of one image.

    Attributes:
        turn: direction of the lamp in full turns.
        low: slant of the light, as an offset from the vertical.
        ambient: fraction of light from all directions.
        brightness: factor of all light.
        slope: how much brighter the side toward the lamp is.
        grain: standard deviation of the sensor noise.
    """

    turn: float
    low: float
    ambient: float
    brightness: float
    slope: float
    grain: float


def lamp(rng: RandomStream, turn: float, low: float, ambient: float) -> Light:
    """The lamp of a category with small random changes per image."""
    return Light(
        turn=rng.around(turn, 0.03),
        low=rng.around(low, 0.06),
        ambient=ambient,
        brightness=rng.around(1.0, 0.06),
        slope=rng.around(0.10, 0.05),
        grain=rng.uniform(0.007, 0.013),
    )


def expose(scene: Scene, light: Light, rng: RandomStream) -> Array:
    """Render (256, 256, 3) uint8 with relief shading, highlights, lens blur and noise."""
    lx, ly = cosine(light.turn) * light.low, sine(light.turn) * light.low
    down = _slope(scene.height)
    across = np.ascontiguousarray(_slope(np.ascontiguousarray(scene.height.T)).T)
    steep = np.sqrt(1.0 + across * across + down * down)
    facing = np.maximum((1.0 - across * lx - down * ly) / steep, 0.0)
    mirror = np.maximum((1.0 - across * (0.5 * lx) - down * (0.5 * ly)) / steep, 0.0)
    mirror /= np.sqrt(1.0 + 0.25 * light.low * light.low)
    for _ in range(4):
        mirror *= mirror
    frame = centered()
    fall = 1.0 + light.slope * (frame.x * lx + frame.y * ly) / (128.0 * light.low)
    fall *= 1.0 - 0.10 * (frame.x * frame.x + frame.y * frame.y) / 32768.0
    diffuse = (light.ambient + (1.0 - light.ambient) * facing) * fall * light.brightness
    highlight = scene.gloss * mirror * light.brightness
    clouds = light.grain * 0.5 * field(rng, 3.0)
    picture = np.empty((SIZE, SIZE, 3), dtype=np.uint8)
    for channel, warmth in enumerate((rng.around(1.0, 0.015), 1.0, rng.around(1.0, 0.02))):
        plane = _lens((scene.color[channel] * diffuse + highlight) * warmth)
        plane += light.grain * rng.bell(SIZE, SIZE) + clouds
        picture[:, :, channel] = np.rint(np.clip(plane, 0.0, 1.0) * 255.0)
    return picture


def _slope(height: Array) -> Array:
    """Vertical differences, clipped to -3..3. The border repeats its neighbor."""
    slope = np.empty(height.shape)
    slope[1:-1] = (height[2:] - height[:-2]) * 0.5
    slope[0], slope[-1] = slope[1], slope[-2]
    return np.clip(slope, -3.0, 3.0)


def _lens(plane: Array) -> Array:
    """Slight lens blur: weights 1, 4, 1 along both axes."""
    for _ in range(2):
        soft = plane * 4.0
        soft[1:] += plane[:-1]
        soft[:-1] += plane[1:]
        soft[0] += plane[0]
        soft[-1] += plane[-1]
        plane = np.ascontiguousarray(soft.T) / 6.0
    return plane
