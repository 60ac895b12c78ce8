"""Records with names that would break out of a page, and the data of a page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from cadbench.results.records.record import Record

from tests.results.samples import MATRIX

HOSTILE = "</script><script>window.broken=1</script>"
IMAGE = "<img src=x onerror='window.broken=2'>"
BETTER = [[0.9, 0.5, 0.5], [0.9, 0.9, 0.5], [0.95, 0.9, 0.9]]


@pytest.fixture
def hostile(make_record: Callable[..., Record]) -> list[Record]:
    """Six records in two groups; method, parameter, category and expert names are markup."""
    categories = [HOSTILE, "__proto__", 'a"b&c\u2028d']
    records = [
        make_record(
            R=R,
            seed=seed,
            method=method,
            params={"experts": 2, IMAGE: "<b>", "of": HOSTILE},
            categories=categories,
            owner=dict.fromkeys(categories, 0),
        )
        for method, R in (("<i>m</i>", MATRIX), ("joint", BETTER))
        for seed in (0, 1)
    ]
    more = [make_record(routing="inferred", params={"experts": experts}) for experts in (1, 3)]
    return records + more


def data_of(page: str) -> dict[str, Any]:
    """What the page's data element holds, as a browser would read it."""
    (text,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL
    )
    found: dict[str, Any] = json.loads(text)
    return found
