"""Cells: what their key sees, how they travel, and which altered ones are refused."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.running.cell import Cell, name_swept_parameters
from cadbench.results.errors import UsageError
from cadbench.results.records.schema import canonical_json

from tests.benchmark.samples import SPEC, a_cell, an_order


def changed_spec(**changes: Any) -> dict[str, Any]:
    return {"features": dataclasses.replace(SPEC, **changes)}


@pytest.mark.parametrize("method", ["mecad", "patchcore", "joint", "per_category"])
def test_a_cell_comes_back_from_json_as_itself(method):
    cell = a_cell(method, order=an_order("random:2"), schedule="2x2", seed=7)
    back = Cell.from_dict(json.loads(json.dumps(cell.as_dict())))
    assert back == cell
    assert back.key == cell.key


def test_a_cell_is_written_as_plain_json_without_a_path():
    text = canonical_json(a_cell().as_dict()).decode()
    assert "plates" in text
    assert "/" not in text


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": "others"},
        {"manifest": "1" * 64},
        {"order": an_order("random:1")},
        {"schedule": "2x2"},
        {"routing": "inferred"},
        {"unseen": "all"},
        {"seed": 1},
        {"method": "replay", "params": a_cell("replay").params},
        {"params": a_cell().params.replace(experts=4)},
        {"params": a_cell().params.replace(replay_redraw=True)},
        changed_spec(backbone="wide_resnet50_2"),
        changed_spec(weights="random:0"),
        changed_spec(layers=(8,)),
        changed_spec(embedding="official"),
        changed_spec(embedding_params={"pool": 5}),
        changed_spec(preprocessing=Preprocessing(resize=300)),
        changed_spec(dtype="float32"),
        changed_spec(extraction=99),
    ],
    ids=lambda changes: "-".join(changes),
)
def test_the_key_changes_with_every_field(changes):
    cell = a_cell()
    assert dataclasses.replace(cell, **changes).key != cell.key


def test_the_key_changes_with_the_version_of_the_method(monkeypatch):
    cell = a_cell()
    before = cell.key
    monkeypatch.setattr(cell.method_class, "version", "next")
    assert cell.key != before


def test_orders_of_the_same_categories_under_two_names_are_two_cells():
    order = dataclasses.replace(an_order(), name="file-00000000")
    assert a_cell(order=order).key != a_cell().key


def test_the_protocol_names_data_set_schedule_size_routing_and_version():
    assert a_cell().protocol == "plates-1x4-224-oracle@1"


def altered(path: str, value: Any) -> dict[str, Any]:
    values = json.loads(json.dumps(a_cell().as_dict()))
    *parents, last = path.split(".")
    inner = values
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return values


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("schema", 0, "schema differ: a cell of mecad from another version of cadbench"),
        ("method.version", "0", "method differ: .* another version of cadbench or of the method"),
        ("protocol", "plates-1x4-224-oracle@0", "protocol differ"),
        ("schedule", "2x2", "protocol differ"),
        ("comment", "mine", "unknown entries differ"),
        ("method.params.threshold", None, "method differ"),
        ("method.params.experts", 0, "parameter experts: 0 is not a whole number"),
        ("method.params.expert", 3, r"cell: method\.params: .*expert"),
        ("method.name", "mecda", r"unknown method 'mecda' \(did you mean mecad\?\)"),
        ("features", {}, "cell: features: backbone is missing"),
        ("features.grid", [28, 28], "cell: features differ"),
        ("order", ["apple"], r"cell: order: expected a table, got \['apple'\]"),
        ("maps.sigma", -1, "a map's sigma is a number of pixels from 0 to 1000, not -1"),
        ("maps.upsampling", "nearest", "maps are upsampled bilinearly, not by 'nearest'"),
        ("preprocessing.crop", 300, "a crop of 300 pixels does not fit"),
        ("routing", "magic", "cell: routing: expected one of oracle, inferred, got 'magic'"),
        ("unseen", "some", "cell: unseen: expected one of next, all, none, got 'some'"),
        ("features.weights", [["0" * 64]], "features.weights: expected text, got"),
        ("features.backbone", -1, "features.backbone: expected text, got -1"),
        (
            "features.layers",
            [8, None],
            r"features\.layers\[1\]: expected a whole number or text, got None",
        ),
        (
            "features.embedding_params",
            {"pool": "3"},
            "embedding_params.pool: expected a whole number",
        ),
        ("preprocessing.crop", 224.0, "preprocessing.crop: expected a whole number, got 224.0"),
        ("seed", "0", "cell: seed: expected a whole number, got '0'"),
        ("seed", -1, "a cell's seed must be a whole number from 0, not -1"),
    ],
)
def test_an_altered_cell_is_refused_and_the_error_names_what_differs(path, value, words):
    with pytest.raises(UsageError, match=words):
        Cell.from_dict(altered(path, value))


@pytest.mark.parametrize("name", sorted(a_cell().as_dict()))
def test_a_cell_that_lacks_an_entry_is_refused(name):
    values = a_cell().as_dict()
    del values[name]
    with pytest.raises(UsageError, match=name):
        Cell.from_dict(values)


@pytest.mark.parametrize("values", [[], "cell", 3, None])
def test_what_is_no_cell_at_all_is_refused(values):
    with pytest.raises(UsageError, match=r"^cell: expected a table, got"):
        Cell.from_dict(values)


def test_the_label_shows_the_parameters_that_differ_from_the_defaults():
    assert a_cell().label() == "mecad, alphabetical, seed 0"
    cell = a_cell(params={"experts": 3, "replay_redraw": True}, seed=2, order=an_order("random:1"))
    assert cell.label() == "mecad experts=3 replay_redraw=true, random:1, seed 2"


def test_labels_of_a_sweep_name_its_parameters_even_where_they_are_the_default():
    cells = [a_cell(params={"experts": n}) for n in (3, 5)] + [a_cell("joint")]
    named = name_swept_parameters(cells)
    assert [cell.label() for cell in named] == [
        "mecad experts=3, alphabetical, seed 0",
        "mecad experts=5, alphabetical, seed 0",
        "joint, alphabetical, seed 0",
    ]
    assert named == cells
    assert len({cell.kind for cell in cells}) == 3


def test_a_cell_has_a_label_where_a_default_is_not_known_for_its_features():
    cell = a_cell(params={"threshold": 0.8})
    features = dataclasses.replace(cell.features, backbone="resnet18")
    other = dataclasses.replace(cell, features=features)
    assert other.label().startswith("mecad threshold=0.8")
