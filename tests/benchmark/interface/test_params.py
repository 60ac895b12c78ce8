"""Parameters: what can be written, what it becomes, and what is refused with which words."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from cadbench.benchmark.interface.params import Params, param, spec_named, specs
from cadbench.results.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st


@dataclass(frozen=True)
class Example(Params):
    count: int = param(5, "how many", low=1, high=9)
    ratio: float = param(0.2, "a share", above=0, high=1)
    cut: float | None = param(None, "a bound", low=-1, high=1)
    kind: Literal["mean", "random"] = param("mean", "which")
    again: bool = param(False, "whether")
    text: str = param("x", "anything")


def parsed(name: str, text: str) -> Any:
    return spec_named(Example, name, "example").parse(text)


def swept(name: str, text: str) -> list[Any]:
    return spec_named(Example, name, "example").parse_sweep(text)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", " 3 ", 3),
        ("ratio", "1", 1.0),
        ("ratio", "2e-1", 0.2),
        ("cut", "auto", None),
        ("cut", "-0.5", -0.5),
        ("kind", "random", "random"),
        ("again", "true", True),
        ("again", "FALSE", False),
        ("text", "a-b", "a-b"),
    ],
)
def test_a_value_is_read_in_the_declared_type(name, text, value):
    read = parsed(name, text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("count", "3.0", "'3.0' is not a whole number at least 1 and at most 9"),
        ("count", "0", "0 is not a whole number at least 1 and at most 9"),
        ("count", "10", "10 is not a whole number at least 1 and at most 9"),
        ("count", "", "'' is not a whole number"),
        ("count", "auto", "'auto' is not a whole number"),
        ("ratio", "0", "0.0 is not a number above 0 and at most 1"),
        ("ratio", "nan", "nan is not a number above 0"),
        ("ratio", "inf", "inf is not a number above 0"),
        ("cut", "2", "2.0 is not a number at least -1 and at most 1, or auto"),
        ("kind", "median", "'median' is not one of mean, random"),
        ("again", "yes", "'yes' is not true or false"),
    ],
)
def test_a_value_outside_type_or_range_is_refused_with_what_is_accepted(name, text, words):
    with pytest.raises(ValueError) as refused:
        parsed(name, text)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("count", "1-8", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("count", "1,3,5", [1, 3, 5]),
        ("count", "7, 1-3 ,2", [7, 1, 2, 3]),
        ("count", "4-4", [4]),
        ("ratio", "0.8,0.9", [0.8, 0.9]),
        ("cut", "auto,-0.5,0.5", [None, -0.5, 0.5]),
        ("kind", "random,mean", ["random", "mean"]),
        ("again", "false,true", [False, True]),
        ("text", "1-3", ["1-3"]),
    ],
)
def test_a_sweep_lists_its_values_in_the_order_written_and_each_once(name, text, values):
    assert swept(name, text) == values


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("8-1", "the range 8-1 runs backwards"),
        ("1-99999999999", "has more than 10,000 values"),
        ("9" * 25, "is larger than any number"),
        (f"1-{'9' * 5000}", "is not a whole number"),
        ("1-10", "10 is not a whole number at least 1 and at most 9"),
        ("1,,3", "'' is not a whole number"),
        ("-1-3", "'-1-3' is not a whole number"),
        ("1-²", "'1-²' is not a whole number"),
    ],
)
def test_a_sweep_that_cannot_be_read_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        swept("count", text)


@given(st.lists(st.integers(1, 9), min_size=1))
def test_a_list_of_numbers_sweeps_to_itself_without_repetitions(numbers):
    assert swept("count", ",".join(map(str, numbers))) == list(dict.fromkeys(numbers))


@pytest.mark.parametrize("spec", specs(Example), ids=lambda spec: spec.name)
def test_what_is_shown_for_a_default_is_read_back_as_it(spec):
    assert spec.parse(spec.show(spec.default)) == spec.default


def test_values_are_checked_when_parameters_are_made_and_when_they_are_replaced():
    with pytest.raises(UsageError, match="parameter count: 0 is not a whole number"):
        Example(count=0)
    with pytest.raises(UsageError, match="parameter count: True is not"):
        Example(count=True)
    with pytest.raises(UsageError, match="parameter count: None is not"):
        Example(count=None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="parameter ratio"):
        Example().replace(ratio=1.5)
    assert Example().replace(count=2) == Example(count=2)


def test_parameters_are_frozen_and_a_whole_number_for_a_share_is_the_same_value():
    made = Example(ratio=1, cut=-1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.count = 3  # type: ignore[misc]
    assert type(made.ratio) is float
    assert made == Example(ratio=1.0, cut=-1.0)
    assert hash(made) == hash(Example(ratio=1.0, cut=-1.0))


def test_as_dict_names_every_parameter():
    assert Example().as_dict() == {
        "count": 5,
        "ratio": 0.2,
        "cut": None,
        "kind": "mean",
        "again": False,
        "text": "x",
    }


def test_an_unknown_parameter_is_refused_with_the_nearest_and_all_names():
    with pytest.raises(UsageError) as refused:
        spec_named(Example, "cuont", "example")
    assert str(refused.value) == (
        "example has no parameter 'cuont' (did you mean count?); it has: count, ratio, cut, kind, "
        "again, text"
    )


@pytest.mark.parametrize("hint", [list, int | str, Literal[1, 2], dict[str, int] | None])
def test_a_type_that_cannot_be_written_on_the_command_line_is_refused(hint):
    made = dataclasses.make_dataclass(
        "Odd", [("odd", hint, param(None, "odd"))], bases=(Params,), frozen=True
    )
    with pytest.raises(TypeError, match="parameter odd: its type must be int"):
        specs(made)


@dataclass(frozen=True)
class Grown(Params):
    size: int = param(3, "since ever")
    speed: int = param(1, "came with a later version", later=True)


def test_a_later_parameter_leaves_keys_as_they_were_until_it_is_set():
    assert Grown().as_dict() == {"size": 3}
    assert Grown(speed=2).as_dict() == {"size": 3, "speed": 2}
    assert Grown(**Grown().as_dict()) == Grown()
    assert Grown().whole() == {"size": 3, "speed": 1}
