"""The categories: how each is painted, its kinds of defect, and its light."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from . import long_objects, round_objects, textures
from .defects import (
    Defect,
    SurfaceDefect,
    abrasion,
    crack,
    debris,
    dent,
    fibre,
    hole,
    recolor,
    scratch,
    smudge,
    stain,
)
from .random_stream import RandomStream
from .scene import Scene

RUST = (0.45, 0.25, 0.12)
SOOT = (0.10, 0.09, 0.08)
OIL = (0.20, 0.16, 0.10)


@dataclass(frozen=True)
class Category:
    """One category. `lamp`, `low` and `ambient` describe its light (see `scene.Light`)."""

    paint: Callable[[RandomStream, Defect], Scene]
    shape_defects: tuple[str, ...] = ()
    surface_defects: Mapping[str, SurfaceDefect] = field(default_factory=dict)
    lamp: float = -0.32
    low: float = 0.7
    ambient: float = 0.4

    @property
    def defects(self) -> tuple[str, ...]:
        """The kinds of defect, sorted."""
        return tuple(sorted((*self.shape_defects, *self.surface_defects)))


CATALOG: Mapping[str, Category] = {
    "ampoule": Category(
        long_objects.ampoule,
        ("broken_tip", "low_fill", "missing_ring"),
        {
            "crack": crack((25, 50), 1.4, -0.3),
            "particle": debris((1, 3), (2.4, 3.6), (SOOT, (0.85, 0.82, 0.75))),
        },
        low=0.5,
    ),
    "biscuit": Category(
        round_objects.biscuit,
        ("broken_edge", "missing_hole"),
        {
            "burnt": stain((14, 26), (0.25, 0.13, 0.06), 0.55, 0.4),
            "crack": crack((40, 80), 2.2),
            "foreign_body": debris((1, 4), (2.5, 4.5), ((0.25, 0.35, 0.55), (0.85, 0.85, 0.85))),
        },
    ),
    "bolt": Category(
        long_objects.bolt,
        ("bent_shank", "rounded_head", "short", "worn_thread"),
        {"rust": stain((8, 14), RUST, 0.75), "scratch": scratch((30, 60), 2.4, 1.2, 0.4)},
    ),
    "bracket": Category(
        long_objects.bracket,
        ("bent_arm", "broken_corner", "missing_hole", "shifted_hole"),
        {
            "scratch": scratch((30, 70), 1.8, 0.6, 0.25),
            "white_rust": stain((8, 16), (0.86, 0.87, 0.86), 0.5),
        },
    ),
    "brushed_steel": Category(
        textures.brushed_steel,
        (),
        {
            "dent": dent((10, 18), 1.0),
            "fingerprint": smudge((16, 24), -0.055),
            "rust": stain((4, 9), RUST, 0.28),
            "scratch": scratch((25, 60), 1.3, 0.3, 0.10),
        },
    ),
    "button": Category(
        round_objects.button,
        ("chipped_rim", "closed_hole", "torn_hole"),
        {
            "paint": stain((7, 14), (0.85, 0.83, 0.78), 0.25),
            "scratch": scratch((20, 45), 1.4, 0.4, 0.2),
        },
    ),
    "coin_cell": Category(
        round_objects.coin_cell,
        ("misprint",),
        {
            "corrosion": stain((8, 15), (0.55, 0.66, 0.58), 0.6, 0.5),
            "dent": dent((10, 18), 3.0),
            "fingerprint": smudge((15, 24), -0.12),
            "scratch": scratch((25, 70), 1.6, 0.5, -0.2),
        },
    ),
    "connector": Category(
        long_objects.connector,
        ("bent_pin", "broken_housing", "missing_pin", "tarnished_pin"),
        {"flux": stain((9, 16), (0.62, 0.52, 0.30), 0.45, 0.4), "hair": fibre((40, 80), 1.8, SOOT)},
    ),
    "denim": Category(
        textures.denim,
        ("missing_thread", "pulled_thread"),
        {
            "bleach": recolor((12, 24), (1.35, 1.32, 1.22)),
            "hole": hole((5, 10), (0.08, 0.08, 0.10), 0.35),
            "wear": abrasion((10, 18), 0.18),
        },
    ),
    "gear": Category(
        round_objects.gear,
        ("blocked_hole", "chipped_tooth", "missing_tooth"),
        {
            "rust": stain((6, 13), RUST, 0.5),
            "scratch": scratch((25, 60), 1.8, 0.8, 0.25),
            "swarf": fibre((25, 45), 2.2, (0.80, 0.80, 0.82)),
        },
    ),
    "key": Category(
        long_objects.key,
        ("bent_blade", "broken_tip", "wrong_cut"),
        {
            "scratch": scratch((35, 70), 2.2, 1.0, -0.4),
            "tarnish": stain((10, 18), (0.28, 0.24, 0.16), 0.6),
        },
    ),
    "linen": Category(
        textures.linen,
        ("missing_thread", "pulled_thread"),
        {
            "coffee": stain((10, 22), (0.52, 0.40, 0.26), 0.4),
            "hair": fibre((30, 70), 1.2, (0.42, 0.36, 0.30)),
            "hole": hole((4, 9), (0.16, 0.14, 0.12), 0.35),
        },
    ),
    "oak": Category(
        textures.oak,
        ("knot",),
        {
            "crack": crack((40, 90), 2.0),
            "dent": dent((9, 16), 2.2),
            "ink": stain((8, 16), (0.18, 0.16, 0.22), 0.45),
            "scratch": scratch((50, 100), 2.0, 0.9, 0.30),
        },
    ),
    "terrazzo": Category(
        textures.terrazzo,
        ("foreign_chip",),
        {
            "crack": crack((50, 100), 1.8),
            "oil": recolor((14, 26), (0.76, 0.73, 0.66)),
            "pit": hole((6, 10), (0.30, 0.29, 0.27), 0.3),
            "scratch": scratch((50, 110), 1.8, 0.5, -0.3),
        },
    ),
    "washer": Category(
        round_objects.washer,
        ("deformed", "notch"),
        {
            "oil": stain((7, 14), OIL, 0.45),
            "rust": stain((6, 12), RUST, 0.45),
            "scratch": scratch((20, 45), 1.6, 0.6, 0.25),
        },
    ),
}
