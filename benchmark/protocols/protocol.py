"""Protocols as data: a TOML file that fixes data, stream, preprocessing, routing and maps.

id             versioned, `our-parts-1x4@1`; ids such as `mvtec-1x15-224-oracle@1` are generated
               from settings and reserved for them
title, source, notes     where the protocol comes from
dataset        a name that `cadbench data info` lists, such as `mvtec`, `synthetic` or `folder`,
               or several: `mvtec,visa`, with categories such as `mvtec/bottle`
categories     the categories to use; without this key, all categories of the folder
schedule       resolved, `14-1`
orders         official orders: `alphabetical`, `random:SEED`, or a name in [named_orders]
named_orders   name = list with every category once
drift          domains in which every category returns, ["dark:2", "blur:1"]; default: none
blend          share of a category's training images that move to a neighboring experience
holdout        share of a category's training images that methods do not learn from
threshold_quantile       of their scores, which sets alarm thresholds; default: 0.99
contaminate    share of defective images among the training ones; default: test images stay where
               they are
routing, unseen          as the options of `cadbench run`
preprocessing  {resize, crop} in pixels, and mode: crop (default), pad or squash
maps           {upsampling, sigma}
study          defaults that are not part of the protocol: backbone, embedding, seeds, methods,
               set = ["METHOD.PARAM=VALUES"]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..data.images.preprocessing import Preprocessing
from ..data.opening.joining import joined_name
from ..data.opening.registry import published_categories
from ..interface.context import Routing
from ..pixels.maps import MapSpec
from ..streams.orders import Order, listed_order, resolve_order
from ..streams.settings import StreamSettings, Unseen
from .ids import ProtocolSettings


@dataclass(frozen=True)
class StudyDefaults:
    """Defaults of a run with the protocol; options override them."""

    backbone: str | None = None
    embedding: str | None = None
    seeds: tuple[int, ...] | None = None
    methods: tuple[str, ...] | None = None
    set: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Protocol(StreamSettings):
    """A checked protocol file. Its fields are the keys of the file; where: its name in messages."""

    where: str
    id: str
    dataset: str
    schedule: str = field()  # a file states it, and the next two
    routing: Routing = field()
    unseen: Unseen = field()
    preprocessing: Preprocessing
    maps: MapSpec
    orders: tuple[str, ...]
    categories: tuple[str, ...] | None = None
    named_orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    study: StudyDefaults = StudyDefaults()
    title: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def settings(self) -> ProtocolSettings:
        """The settings that the id identifies."""
        parts = self.dataset.split(",")
        named = all(published_categories(part) for part in parts)
        return ProtocolSettings(
            **self.stream_settings(),
            dataset=joined_name(parts) if named else None,
            preprocessing=self.preprocessing,
            maps=self.maps,
        )

    def order(self, text: str, categories: tuple[str, ...]) -> Order:
        """Return the order for `--order`; the protocol's named orders take precedence."""
        if text in self.named_orders:
            return listed_order(text, self.named_orders[text])
        return resolve_order(text, categories)

    def official_orders(self, categories: tuple[str, ...]) -> tuple[Order, ...]:
        """Return the official orders over the categories of the data."""
        return tuple(self.order(text, categories) for text in self.orders)
