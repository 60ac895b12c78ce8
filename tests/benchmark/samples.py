"""A dataset that exists on paper only, and studies of it: no image is drawn, none is read."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.data.item import Item
from cadbench.benchmark.data.manifest import Manifest
from cadbench.benchmark.features.feature_spec import FeatureSpec
from cadbench.benchmark.pixels.maps import MapSpec
from cadbench.benchmark.running.cell import Cell
from cadbench.benchmark.running.design import Design, cells_of
from cadbench.benchmark.running.evaluation.progress import Progress
from cadbench.benchmark.streams.orders import Order, resolve_order
from cadbench.benchmark.streams.settings import SETTINGS, StreamSettings

CATEGORIES = ("apple", "bolt", "cork", "dial")

SPEC = FeatureSpec(
    backbone="tf_efficientnet_lite0",
    weights="0" * 64,
    layers=(8, 16),
    embedding="concat",
    embedding_params={"pool": 3},
    preprocessing=Preprocessing(),
)

BUDGETS: dict[str, dict[str, int]] = {
    "mecad": {"class_budget": 20, "expert_budget": 60, "experts": 2},
    "patchcore": {"class_budget": 20, "bank_budget": 50},
    "replay": {"class_budget": 20, "bank_budget": 50},
    "pooled": {"bank_budget": 50},
    "joint": {"class_budget": 20},
    "per_category": {"class_budget": 20},
    "finetune": {"bank_budget": 20},
}
"""Methods that select patches, with parameters that suit a drawn dataset."""


def method_words() -> list[str]:
    """The options of `cadbench run` for all methods of `BUDGETS`."""
    values = [f"{m}.{name}={v}" for m, params in BUDGETS.items() for name, v in params.items()]
    return [*(f"--method={method}" for method in BUDGETS), *(f"--set={value}" for value in values)]


def assert_same_scores(one: Progress, other: Progress) -> None:
    for row, other_row in zip(one.rows, other.rows, strict=True):
        assert row.keys() == other_row.keys()
        for category, scored in row.items():
            np.testing.assert_array_equal(scored.scores, other_row[category].scores)
            np.testing.assert_array_equal(scored.routes, other_row[category].routes)


def an_item(category: str = "apple", split: str = "train", content: str = "00") -> Item:
    path = f"{category}/{split}/good/{content}.png"
    return Item(category, split, "good", path, None, 8, 8, content, None)  # type: ignore[arg-type]


def a_manifest(categories: tuple[str, ...] = CATEGORIES) -> Manifest:
    """Two images a category, one of each split."""
    items = [an_item(c, split, f"{c}-{split}") for c in categories for split in ("train", "test")]
    return Manifest("plates", Path("plates"), tuple(items))


def an_order(text: str = "alphabetical") -> Order:
    return resolve_order(text, CATEGORIES)


def a_design(*methods: str, **changes: Any) -> Design:
    defaults: dict[str, Any] = {
        "manifest": a_manifest(),
        "features": SPEC,
        "maps": MapSpec(),
        "methods": methods or ("mecad",),
        "sweep": {},
        "orders": (an_order(),),
        "seeds": (0,),
    }
    settings = {name: changes.pop(name) for name in SETTINGS if name in changes}
    return Design(**{"streams": (StreamSettings(**settings),), **defaults, **changes})


def a_cell(method: str = "mecad", *, params: dict[str, Any] | None = None, **changes: Any) -> Cell:
    """The one cell of a design of one method; `changes` replace fields of the cell."""
    (cell,) = cells_of(
        a_design(method, sweep={method: {n: [v] for n, v in (params or {}).items()}})
    )
    return dataclasses.replace(cell, **changes)
