"""`make_study`: records to draw; every test draws in the style of figures."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cadbench.results.figures.drawing.style import styled
from cadbench.results.records.record import Record

from tests.results.figures.studies import names, study_record


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with styled():
        yield


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[..., list[Record]]:
    """Records of made-up runs: `experts` of mecad and `methods` others, with `count` categories.

    Category c belongs to expert c modulo their number; values fall with every later category.
    """

    def make(
        count: int,
        *,
        experts: range = range(1, 4),
        methods: int = 2,
        long: bool = False,
        seeds: range = range(1),
        **changes: Any,
    ) -> list[Record]:
        categories = names(count, long)
        rows = [("mecad", {"experts": n, "replay": "random"}) for n in experts]
        rows += [(f"method_{m}", {"bank_budget": 100 * m}) for m in range(methods)]
        return [
            study_record(tmp_path / "runs", categories, number, method, params, seed, **changes)
            for (number, (method, params)), seed in itertools.product(enumerate(rows), seeds)
        ]

    return make
