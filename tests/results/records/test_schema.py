"""Keys depend on the values of a cell and on nothing else."""

from __future__ import annotations

import json
import math

import pytest
from cadbench.results.errors import CadbenchError
from cadbench.results.records.schema import canonical_json, cell_key, config_key
from hypothesis import given
from hypothesis import strategies as st

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(plain)
def test_canonical_json_survives_a_round_trip(value) -> None:
    text = canonical_json(value)
    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(st.text(), plain, max_size=4))
def test_canonical_json_ignores_the_order_of_keys(value) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


def test_canonical_json_is_compact_sorted_and_exact() -> None:
    assert canonical_json({"b": (1, 0.1), "a": "ü"}) == b'{"a":"\\u00fc","b":[1,0.1]}'


@pytest.mark.parametrize("value", [math.nan, math.inf, {"x": object()}, b"bytes"])
def test_values_without_one_text_are_refused(value) -> None:
    with pytest.raises(CadbenchError, match="cannot make a key"):
        canonical_json(value)


def test_the_key_is_pinned() -> None:
    cell = {"method": {"name": "m", "params": {"x": 0.1}}, "seed": 3}
    assert cell_key(cell) == "d1c537e1d8d4e8419ee0e4bdfbb2658ca45726ee7a905fe80f4bab645b8a5574"
    assert config_key(cell) == "c8962836ef28773aaf7c1169e238787fcb35a4b5d93f611e16b9d7ec1932def4"


def test_config_key_differs_from_key_only_by_the_seed() -> None:
    cells = [{"a": 1, "seed": 0}, {"a": 1, "seed": 1}, {"a": 2, "seed": 0}]
    assert len({cell_key(cell) for cell in cells}) == 3
    assert config_key(cells[0]) == config_key(cells[1]) != config_key(cells[2])
