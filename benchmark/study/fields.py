"""The fields of a study as they were given: None where a protocol or a default decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.images.preprocessing import Mode
from ..interface.context import Routing
from ..streams.stream import Unseen
from . import values

if TYPE_CHECKING:
    from ..data.opening.locations import DataRoots


_TEXTS = ("dataset", "tune_on", "schedule", "match_memory", "backbone", "embedding")
"""Fields that are a text or None."""


@dataclass(frozen=True, kw_only=True)
class StudyFields:
    """The values that define a study. `Study` documents them, and adds what plans and runs it."""

    dataset: str | None = None
    data_root: str | Path | Mapping[str, str | Path] | DataRoots | None = None
    categories: str | Iterable[str] | None = None
    skip_unreadable: bool = False
    protocol: str | Path | None = None
    schedule: str | None = None
    orders: str | Iterable[str] | None = None
    drift: str | Iterable[str] | None = None
    blend: float | None = None
    holdout: float | None = None
    threshold_quantile: float | None = None
    contaminate: float | str | Iterable[float] | None = None
    routing: Routing | None = None
    unseen: Unseen | None = None
    methods: values.Methods | None = field(default=None, hash=False)
    tune: Mapping[values.MethodRef, Mapping[str, Any]] | None = field(default=None, hash=False)
    tune_on: str | None = None
    seeds: int | str | Iterable[int] | None = None
    match_memory: str | None = None
    backbone: str | None = None
    weights: str | Path | None = None
    random_weights: bool = False
    layers: str | int | Iterable[str | int] | None = None
    embedding: str | None = None
    image_size: int | None = None
    resize: Mode | None = None
    map_sigma: float | None = None

    def __post_init__(self) -> None:
        for name in _TEXTS:
            values.check_text(name, getattr(self, name))
        normalized = {
            "categories": values.names("categories", self.categories),
            "drift": values.names("drift", self.drift),
            "layers": values.layers(self.layers),
            "orders": values.orders(self.orders),
            "seeds": values.seeds(self.seeds),
            "contaminate": values.shares("contaminate", self.contaminate),
            "methods": values.methods(self.methods),
            "tune": values.tuned(self.tune),
        }
        for name, value in normalized.items():
            object.__setattr__(self, name, value)
