"""Saved states: what comes back, what is refused, and that reading one runs nothing."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from cadbench.benchmark.system.serialization import pack, unpack
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.torch import save

KEYS = st.text().filter(lambda key: not key.startswith("__"))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=8,
)


@given(PLAIN)
def test_plain_values_come_back_equal(value):
    assert unpack(pack(value)) == value


@given(
    arrays.arrays(
        st.sampled_from(
            [np.float16, np.float32, np.float64, np.int16, np.int64, np.uint8, np.bool_]
        ),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
def test_an_array_comes_back_with_its_type_shape_and_bits(array):
    back = unpack(pack({"nested": [array]}))["nested"][0]
    assert isinstance(back, np.ndarray)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0).reshape(2, 3).t(),
        torch.eye(3).expand(2, 3, 3),
        torch.tensor(7, dtype=torch.int64),
        torch.zeros(0, 5, dtype=torch.float16),
        torch.ones(3, requires_grad=True),
    ],
    ids=["transposed", "expanded", "scalar", "empty", "learned"],
)
def test_a_tensor_comes_back_as_a_tensor_of_the_same_values(tensor):
    back = unpack(pack([tensor]))[0]
    assert isinstance(back, torch.Tensor)
    assert back.dtype == tensor.dtype
    assert not back.requires_grad
    assert torch.equal(back, tensor)


@pytest.mark.parametrize("kind", [np.arange, torch.arange])
def test_views_of_an_array_come_back_right_and_free_of_each_other(kind):
    whole = kind(10)
    state = unpack(pack({"part": whole[2:4], "whole": whole, "again": whole}))
    assert state["again"].tolist() == list(range(10))
    state["whole"][:] = 0
    assert state["part"].tolist() == [2, 3]
    assert state["again"].tolist() == list(range(10))


def test_an_array_that_runs_backwards_comes_back_right():
    assert unpack(pack(np.arange(4)[::-1])).tolist() == [3, 2, 1, 0]


def test_a_packed_state_does_not_change_with_what_it_was_made_from():
    tensor = torch.zeros(3)
    packed = pack({"t": tensor})
    tensor += 1
    assert unpack(packed)["t"].tolist() == [0, 0, 0]


def test_tuples_come_back_as_lists_and_numbers_that_are_not_finite_as_themselves():
    state = unpack(pack({"t": (1, (2,)), "n": float("nan"), "i": float("-inf")}))
    assert state["t"] == [1, [2]]
    assert np.isnan(state["n"])
    assert state["i"] == float("-inf")


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        b"bytes",
        np.int64(3),
        1j,
        lambda: 0,
        np.array([object()]),
        np.array(["text"]),
    ],
)
def test_a_value_of_another_type_is_refused(value):
    with pytest.raises(TypeError, match=r"cannot hold|can't convert"):
        pack({"deep": [value]})


@pytest.mark.parametrize("key", [1, None, ("a",), "__tensor__", "__array__"])
def test_a_key_that_is_no_string_or_that_the_format_uses_itself_is_refused(key):
    with pytest.raises(TypeError, match="must be strings other than"):
        pack({"deep": {key: 1}})


class Planted:
    """What a pickle may hold: reading it calls a function."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("reading a state ran code",)


def test_a_pickle_is_not_read():
    with pytest.raises(Exception) as refused:
        unpack(pickle.dumps({"state": Planted()}))
    assert "ran code" not in str(refused.value)


def test_only_names_of_its_own_tensors_are_followed():
    with pytest.raises((LookupError, TypeError)):
        unpack(save({}, metadata={"tree": json.dumps({"__tensor__": "os.system"})}))
