"""Backbone cards: what well-known backbones were trained on, and under which license."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from ....results.validation import convert, parse_toml

Benchmark = Literal["no", "possible"]

_FILE = "backbones.toml"


@dataclass(frozen=True)
class Card:
    """One backbone with its usual weights.

    Attributes:
        name: timm's name, with the tag of the weights.
        trained_on: the images that it was trained on.
        labels: what it was trained with besides the images.
        license: license of the weights.
        parameters: number of parameters of the whole network.
        layers: default layers of the features.
        values: length of a patch embedding with them.
        weights: where the weights come from.
        benchmark: whether images of MVTec AD can be among the training images.
        reason: why that is so.
    """

    name: str
    trained_on: str
    labels: str
    license: str
    parameters: int
    layers: str
    values: int
    weights: str
    benchmark: Benchmark
    reason: str


@dataclass(frozen=True)
class _Cards:
    card: tuple[Card, ...]


@cache
def backbone_cards() -> tuple[Card, ...]:
    """Return the cards, those that need no download first."""
    text = (resources.files(__package__) / _FILE).read_text("utf-8")
    return convert(parse_toml(text, _FILE), _Cards, _FILE).card
