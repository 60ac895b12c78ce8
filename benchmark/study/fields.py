"""The fields of a study as they were given: None where a protocol or a default decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.images.preprocessing import Mode
from ..interface.context import Routing
from ..streams.stream import Unseen
from . import values

if TYPE_CHECKING:
    from ..data.opening.locations import DataRoots


_TEXTS = ("dataset", "schedule", "match_memory", "backbone", "embedding")
"""Fields that are a text or None."""


@dataclass(frozen=True, kw_only=True)
class StudyFields:
    """The values that define a study; `Study` adds the methods that plan and run it.

    Attributes:
        dataset: a dataset's name, several such as `mvtec,visa`, or `auto` [auto].
        data_root: folder of the dataset, or dataset -> folder [CADBENCH_DATA].
        categories: the categories to use [all].
        skip_unreadable: leave out unreadable images instead of raising an error.
        protocol: name or TOML file of a protocol, which fixes data, stream and preprocessing.
        schedule: categories per experience, such as `1x15` or `10-1x5` [1x*].
        orders: orders of the categories: `alphabetical`, `random:SEED`, or a file [alphabetical].
        drift: domains under which every category returns, such as `dark:2` [none].
        blend: share of training images that move to a neighboring experience [0].
        routing: `oracle` (methods get the category of test images) or `inferred` [oracle].
        unseen: categories that are scored before they are introduced: next, all, none [next].
        methods: a method, several, or method -> parameter -> value or values [mecad].
        seeds: seeds of the methods' random generators [0].
        match_memory: give the other methods as much memory as this one uses at the end.
        backbone: a timm model [wide_resnet50_2 on MVTec AD, else tf_efficientnet_lite0].
        weights: file with backbone weights, used instead of a download.
        random_weights: use an untrained backbone.
        embedding: `concat` or `official` [depends on the backbone].
        image_size: side of the square that images become, in pixels [224].
        resize: how images become squares: `crop`, `pad` or `squash` [crop].
        map_sigma: sigma of the Gaussian that smooths anomaly maps, in pixels [4].
    """

    dataset: str | None = None
    data_root: str | Path | Mapping[str, str | Path] | DataRoots | None = None
    categories: str | Iterable[str] | None = None
    skip_unreadable: bool = False
    protocol: str | Path | None = None
    schedule: str | None = None
    orders: str | Iterable[str] | None = None
    drift: str | Iterable[str] | None = None
    blend: float | None = None
    routing: Routing | None = None
    unseen: Unseen | None = None
    methods: values.Methods | None = field(default=None, hash=False)
    seeds: int | str | Iterable[int] | None = None
    match_memory: str | None = None
    backbone: str | None = None
    weights: str | Path | None = None
    random_weights: bool = False
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
            "orders": values.orders(self.orders),
            "seeds": values.seeds(self.seeds),
            "methods": values.methods(self.methods),
        }
        for name, value in normalized.items():
            object.__setattr__(self, name, value)
