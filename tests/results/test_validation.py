"""One mechanism checks every TOML file and record: strict types, key paths, one line per error."""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

import pytest
from cadbench.results.errors import CadbenchError, RecordError, UsageError
from cadbench.results.validation import convert, parse_toml
from hypothesis import given
from hypothesis import strategies as st


@dataclass(frozen=True)
class Crop:
    size: int
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 0:
            raise UsageError("a crop needs a size")


@dataclass(frozen=True)
class Plan:
    name: str
    kind: Literal["long", "short"]
    crop: Crop
    crops: tuple[Crop, ...] = ()
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seed: int | None = None
    pattern: str | tuple[str, ...] = ""
    anything: Mapping[str, Any] = field(default_factory=dict)


class Entry(TypedDict):
    grid: list[int]
    crop: dict[str, int]


GOOD: dict[str, Any] = {"name": "n", "kind": "long", "crop": {"size": 1}}


def test_the_annotations_of_a_dataclass_are_the_schema():
    values = {**GOOD, "crops": [{"size": 2, "scale": 3}], "lists": {"a b": ["x"]}, "seed": 4}
    plan = convert(values, Plan, "plan.toml")
    assert plan == Plan("n", "long", Crop(1), (Crop(2, 3.0),), {"a b": ("x",)}, 4)
    assert isinstance(plan.crops[0].scale, float)
    assert convert({**GOOD, "pattern": ["a", "b"]}, Plan, "plan.toml").pattern == ("a", "b")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": 3}, "name: expected text, got 3"),
        ({"name": datetime.date(2000, 1, 1)}, "name: expected text, got datetime.date(2000, 1, 1)"),
        ({"kind": "shor"}, "kind: expected one of long, short, got 'shor' (did you mean short?)"),
        ({"kind": 3}, "kind: expected one of long, short, got 3"),
        ({"crop": []}, "crop: expected a table, got []"),
        ({"crop": {}}, "crop: size is missing"),
        ({"crop": {"size": True}}, "crop.size: expected a whole number, got True"),
        ({"crop": {"size": 1.0}}, "crop.size: expected a whole number, got 1.0"),
        ({"crop": {"size": 1, "scale": "1"}}, "crop.scale: expected a number, got '1'"),
        ({"crop": {"size": 1, "sclae": 1}}, "crop: unknown key 'sclae' (did you mean scale?)"),
        ({"crop": {"size": -1}}, "crop: a crop needs a size"),
        ({"crops": [{"size": 1}, {"size": None}]}, "crops[1].size: expected a whole number"),
        ({"crops": {"size": 1}}, "crops: expected a list, got {'size': 1}"),
        ({"lists": {"a.b": ["x", 3]}}, "lists.'a.b'[1]: expected text, got 3"),
        ({"lists": {"a": "x"}}, "lists.a: expected a list, got 'x'"),
        ({"seed": "\ud800"}, r"seed: expected a whole number, got '\ud800'"),
        ({"seed": "1"}, "seed: expected a whole number, got '1'"),
        ({"pattern": 1}, "pattern: expected text or a list, got 1"),
        ({"anything": 1}, "anything: expected a table, got 1"),
        ({"crop": {"size": 1, "scale": 10**400}}, "crop.scale: expected a number, got 1000"),
        ({"crop": {"size": 1, "scale": 16**9000}}, "crop.scale: expected a number, got a number"),
        ({"nmae": 1}, "unknown key 'nmae' (did you mean name?); valid keys: name, kind, crop,"),
        ({"a\nb": 1}, r"unknown key 'a\nb'; valid keys"),
    ],
)
def test_an_error_names_file_key_path_and_value_in_one_line(changes, message):
    with pytest.raises(UsageError) as refused:
        convert({**GOOD, **changes}, Plan, "plan.toml")
    text = str(refused.value)
    assert text.startswith(f"plan.toml: {message}")
    assert "\n" not in text
    assert len(text) < 300


def test_a_missing_key_and_a_value_that_is_no_table_are_refused():
    with pytest.raises(RecordError, match=r"^plan\.toml: name is missing$"):
        convert({"kind": "long", "crop": {"size": 1}}, Plan, "plan.toml", RecordError)
    with pytest.raises(UsageError, match=r"^plan\.toml: expected a table, got \[\]$"):
        convert([], Plan, "plan.toml")


def test_a_field_that_the_program_sets_cannot_be_in_the_file():
    rest = {key: value for key, value in GOOD.items() if key != "name"}
    assert convert(rest, Plan, "plan.toml", name="ours").name == "ours"
    with pytest.raises(UsageError, match="unknown key 'name'; valid keys: kind, crop"):
        convert(GOOD, Plan, "plan.toml", name="ours")


def test_a_record_may_hold_entries_that_its_typed_dictionary_does_not_name():
    values = {"grid": [1, 2], "crop": {}, "later": "x"}
    assert convert(values, Entry, "run.json")["grid"] == [1, 2]
    with pytest.raises(UsageError, match=r"^run\.json: grid\[1\]: expected a whole number"):
        convert({**values, "grid": [1, "2"]}, Entry, "run.json")
    with pytest.raises(UsageError, match=r"^run\.json: crop is missing"):
        convert({"grid": []}, Entry, "run.json")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.sampled_from(["name", "kind", "crop", "crops", "lists", "seed", "pattern"]), VALUES)
def test_any_value_gives_the_dataclass_or_one_line(key, value):
    try:
        answer: object = convert({**GOOD, key: value}, Plan, "plan.toml")
    except UsageError as refused:
        answer = str(refused)
    assert isinstance(answer, Plan) or (answer.startswith("plan.toml: ") and "\n" not in answer)


@pytest.mark.parametrize("text", ["x = ", "x = " + "[" * 5000, "a = 1\na = 2", "x = " + "9" * 5000])
def test_what_is_no_toml_is_refused_in_one_line(text):
    with pytest.raises(CadbenchError, match=r"^plan\.toml is not TOML: ") as refused:
        parse_toml(text, "plan.toml")
    assert "\n" not in str(refused.value)


def test_commands_that_read_no_file_do_not_import_msgspec():
    code = (
        "import sys\n"
        "from cadbench.benchmark.cli.main import run\n"
        "run(['--help'])\n"
        "assert 'msgspec' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
