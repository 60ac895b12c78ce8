"""The fields of a study as they were given: None where a protocol or a default decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.images.preprocessing import Mode
from ..interface.context import Routing
from ..streams.settings import Unseen
from . import values

if TYPE_CHECKING:
    from ..data.opening.locations import DataRoots


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
    tune: Mapping[values.MethodRef, Mapping[str, Any]] | None = field(default=None, hash=False)
    tune_on: str | None = None

    def __post_init__(self) -> None:
        for name, normalize in values.NORMALIZED.items():
            object.__setattr__(self, name, normalize(name, getattr(self, name)))


def given_fields(study: StudyFields) -> dict[str, Any]:
    """Return the fields of a study that were given, normalized."""
    given = {each.name: getattr(study, each.name) for each in fields(StudyFields)}
    return {n: value for n, value in given.items() if value is not None and value is not False}
