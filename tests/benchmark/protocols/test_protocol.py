"""Protocol files: what the built-in ones say, what a file must hold, and which ids it may have."""

from __future__ import annotations

import dataclasses
import json

import pytest
from cadbench.benchmark.data.images.preprocessing import Preprocessing
from cadbench.benchmark.pixels.maps import MapSpec
from cadbench.benchmark.protocols.builtin import (
    builtin_names,
    builtin_text,
    find_protocol,
    parse_protocol,
)
from cadbench.benchmark.protocols.ids import ProtocolSettings, check_id, is_reserved
from cadbench.benchmark.protocols.protocol import Protocol
from cadbench.benchmark.running.cell import Cell
from cadbench.benchmark.streams.schedule import experience_sizes
from cadbench.results.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmark.samples import CATEGORIES, SPEC, a_cell, a_design, a_manifest

OURS = """
id = "our-parts@1"
dataset = "folder"
categories = ["apple", "bolt", "cork", "dial"]
schedule = "2x2"
orders = ["alphabetical", "random:3", "line"]
named_orders = { line = ["dial", "apple", "cork", "bolt"] }
routing = "oracle"
unseen = "next"
preprocessing = { resize = 256, crop = 224 }
maps = { upsampling = "bilinear", sigma = 4.0 }

[study]
backbone = "tf_efficientnet_lite0"
embedding = "concat"
seeds = [0, 2]
methods = ["mecad", "joint"]
set = ["mecad.threshold=0.9"]
"""


def ours(old: str = "", new: str = "") -> Protocol:
    """The sample protocol, with a piece of its text replaced."""
    assert old in OURS
    return parse_protocol(OURS.replace(old, new), "ours.toml")


# --- the built-in ones


@pytest.fixture(params=builtin_names())
def builtin(request: pytest.FixtureRequest) -> Protocol:
    return find_protocol(request.param)


def test_the_protocols_of_the_field_are_there():
    steps = {"mvtec-1x15", "mvtec-14-1", "mvtec-10-5", "mvtec-3x5", "mvtec-10-1x5"}
    over_both = {"mvtec-visa", "visa-mvtec", "mvtec-visa-15-12", "visa-mvtec-12-15"}
    others = {"mvtec-1x15-inferred", "mecad-paper", "synthetic-1x15", "mvtec-drift"}
    assert steps | over_both | others == set(builtin_names())


def test_the_id_of_a_builtin_is_the_one_that_the_same_options_generate(builtin):
    assert builtin.id == builtin.settings.generated_id


def test_two_builtins_of_one_id_say_the_same_but_for_the_study(builtin):
    for name in builtin_names():
        other = find_protocol(name)
        if other.id == builtin.id:
            assert other.settings == builtin.settings
            assert (other.categories, other.unseen) == (builtin.categories, builtin.unseen)


def test_a_builtin_fits_its_categories_and_its_orders_are_permutations(builtin):
    assert builtin.categories is not None
    count = 27 if "visa" in builtin.dataset else 15
    assert len(builtin.categories) == count
    columns = count * (1 + len(builtin.drift))
    assert sum(experience_sizes(builtin.schedule, columns)) == columns
    assert builtin.orders
    for order in builtin.official_orders(builtin.categories):
        assert sorted(order.categories) == list(builtin.categories)


def test_a_builtin_says_where_it_comes_from(builtin):
    assert builtin.title
    assert builtin.source
    assert builtin.notes


def test_the_papers_protocol_is_the_plain_one_with_a_study():
    paper, plain = find_protocol("mecad-paper"), find_protocol("mvtec-1x15")
    assert paper.id == plain.id
    assert paper.study.backbone == "wide_resnet50_2"
    assert paper.study.methods == ("mecad",)


def test_the_papers_study_is_what_cadbench_paper_runs():
    from cadbench.results.papers.paper import load_paper

    study, paper = find_protocol("mecad-paper").study, load_paper("mecad")
    assert (study.backbone, study.embedding) == (paper.backbone, paper.embedding)
    values = {**paper.params, **paper.sweep}
    assert set(study.set) == {f"{paper.method}.{name}={v}" for name, v in values.items()}


def test_the_default_options_on_the_synthetic_set_are_a_builtin():
    protocol = find_protocol("synthetic-1x15")
    assert protocol.preprocessing == Preprocessing.for_image_size(224)
    assert protocol.maps == MapSpec()
    assert (protocol.routing, protocol.unseen) == ("oracle", "next")


# --- finding one


def test_a_file_is_found_by_its_name_and_says_the_same_as_its_text(tmp_path):
    file = tmp_path / "ours.toml"
    file.write_text(OURS)
    assert dataclasses.replace(find_protocol(str(file)), where="ours.toml") == ours()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "mvtec-1x14",
            r"no protocol 'mvtec-1x14' \(did you mean mvtec-1x15\?\); there are: mecad-",
        ),
        ("mvtec-1x15-224-oracle@1", "is the id of a protocol; .* mecad-paper or mvtec-1x15$"),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_there_are(name, words):
    with pytest.raises(UsageError, match=words):
        find_protocol(name)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"id = ", b"x = " + b"[" * 5000, b"a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / "odd.toml"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"odd\.toml is not TOML: ") as refused:
        find_protocol(str(file))
    assert "\n" not in str(refused.value)


# --- what a file says


def test_drift_and_blending_of_a_file_are_checked_with_its_schedule():
    protocol = ours(
        'schedule = "2x2"', 'schedule = "2x2-4x2"\ndrift = ["dark:2", "blur:1"]\nblend = 1'
    )
    assert (protocol.drift, protocol.blend) == (("dark:2", "blur:1"), 1.0)
    assert protocol.settings.settings_id == "2x2-4x2-224-oracle-drift-dark2-blur1-blend1@1"
    for wrong, said in (
        ('drift = ["dark:2"]', "schedule: .2x2. covers 4 categories, the dataset has 8"),
        ('drift = ["dark"]', "ours.toml: drift: 'dark' is not a domain; give dark a strength"),
        ('drift = "dark:2"', "drift: expected a list, got 'dark:2'"),
        ("blend = 1.5", "ours.toml: blend: it is the share of images"),
    ):
        with pytest.raises(UsageError, match=said):
            ours('schedule = "2x2"', f'schedule = "2x2"\n{wrong}')


def test_a_file_becomes_what_it_says():
    protocol = ours()
    assert protocol.id == "our-parts@1"
    assert protocol.categories == CATEGORIES
    assert protocol.preprocessing == Preprocessing(256, 224)
    assert protocol.study.seeds == (0, 2)
    assert protocol.study.set == ("mecad.threshold=0.9",)


def test_a_file_may_pad_or_squash_and_says_so_in_a_generated_id():
    size = "preprocessing = { resize = 224, crop = 224, mode = "
    for mode in ("pad", "squash"):
        protocol = ours("preprocessing = { resize = 256, crop = 224", f'{size}"{mode}"')
        assert protocol.preprocessing == Preprocessing(224, 224, mode)
        assert protocol.settings.settings_id == f"2x2-224-oracle-{mode}@1"
    for wrong, words in (("stretch", "stretch"), ("crop", "resize 224")):
        text = OURS.replace("preprocessing = { resize = 256, crop = 224", f'{size}"{wrong}"')
        text = text.replace("our-parts@1", "folder-2x2-224-oracle@1")
        with pytest.raises(UsageError, match=words):
            parse_protocol(text, "ours.toml")


def test_orders_are_resolved_and_a_named_one_carries_a_hash_of_its_content():
    alphabetical, drawn, line = ours().official_orders(CATEGORIES)
    assert alphabetical.categories == CATEGORIES
    assert drawn.name == "random:3"
    assert line.categories == ("dial", "apple", "cork", "bolt")
    assert line.name.startswith("line-")
    other = ours('["dial", "apple"', '["apple", "dial"').order("line", CATEGORIES)
    assert other.name != line.name


def test_a_folder_may_leave_its_categories_out():
    text = 'categories = ["apple", "bolt", "cork", "dial"]\n'
    named = 'named_orders = { line = ["dial", "apple", "cork", "bolt"] }\n'
    assert text in OURS
    assert named in OURS
    short = OURS.replace(text, "").replace(named, "").replace(', "line"', "")
    assert parse_protocol(short, "ours.toml").categories is None
    for schedule in ("2x*", "1x99999999", "1x" + "9" * 5000, "no"):
        with pytest.raises(UsageError, match=r"^ours\.toml: schedule") as refused:
            parse_protocol(short.replace("2x2", schedule), "ours.toml")
        assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('dataset = "folder"', "", "dataset is missing"),
        (
            'dataset = "folder"',
            'dataset = "auto"',
            "dataset: expected one of .*mvtec, .*, got 'auto'",
        ),
        ('dataset = "folder"', 'dataset = "viza"', r"dataset: .* 'viza' \(did you mean visa\?\)"),
        ('dataset = "folder"', 'dataset = "folder,visa"', "'folder' may hold any categories"),
        ('dataset = "folder"', 'dataset = "visa,mvtec"', "mvtec,visa has no category 'apple'"),
        ('routing = "oracle"', 'routing = "orakel"', r"routing: .* 'orakel' \(did you mean oracle"),
        (
            'unseen = "next"',
            'unseen = "some"',
            "unseen: expected one of next, all, none, got 'some'",
        ),
        ("unseen", "unsen", r"unknown key 'unsen' \(did you mean unseen\?\)"),
        ("unseen", '"a\\nb"', r"unknown key 'a\\nb'"),
        ('id = "our-parts@1"', "id = 3", "id: expected text, got 3"),
        ("our-parts@1", "our parts", "id: a protocol's id is a name .* not 'our parts'"),
        ("our-parts@1", "Ours@1", "id: a protocol's id is a name of lower-case letters"),
        ("our-parts@1", "ours@0", "id: a protocol's id is a name .* with a version"),
        ('schedule = "2x2"', 'schedule = "2x3"', "schedule: '2x3' covers 6 categories"),
        ('schedule = "2x2"', 'schedule = "2-2"', r"schedule: expected 2x2 .*, got '2-2'"),
        ('schedule = "2x2"', 'schedule = "2x*"', r"schedule: expected 2x2 .*, got '2x\*'"),
        ('schedule = "2x2"', 'schedule = "two"', "schedule: 'two' is not a schedule"),
        ('"dial"]\ns', '"dial", "egg"]\ns', "named_orders.line: must name each .* check egg"),
        ('["apple", "bolt"', '["apple", "apple"', "categories: 'apple' is listed twice"),
        ('["apple", "bolt"', '["apple", 3', r"categories\[1\]: expected text, got 3"),
        ('["apple", "bolt"', '["apple", "b,olt"', "categories: 'b,olt' has a comma"),
        ('["apple", "bolt"', '["apple", "b\\u0007"', "one line of printable characters"),
        ('dataset = "folder"', 'dataset = "mvtec"', "categories: mvtec has no category 'apple'"),
        (
            '"random:3"',
            '"random:03"',
            "orders: expected alphabetical, random:SEED or .*, got 'random:03'",
        ),
        ('"line"]', '"lin"]', r"orders: .* got 'lin' \(did you mean line\?\)"),
        ('["alphabetical", "random:3", "line"]', "[]", "orders: the list is empty"),
        ('"cork", "bolt"]', '"cork"]', "named_orders.line: must name each .* check bolt"),
        ("{ line", "{ random", "named_orders: 'random' cannot be the name of an order"),
        ('= ["dial"', '= 3 # ["dial"', "is not TOML"),
        ("resize = 256", "resize = 100", "preprocessing: .* crop of 224 pixels does not fit"),
        ("crop = 224", "crop = 8", "preprocessing.crop: expected 32 to 2048 pixels, got 8"),
        ("crop = 224", "crop = true", "preprocessing.crop: expected a whole number, got True"),
        ("crop = 224", "corp = 224", r"preprocessing: unknown key 'corp' \(did you mean crop"),
        ('"bilinear"', '"nearest"', "maps: maps are upsampled bilinearly, not by 'nearest'"),
        ("sigma = 4.0", "sigma = -1", "maps: a map's sigma is a number of pixels"),
        ("sigma = 4.0", "sigma = nan", "maps: a map's sigma is a number of pixels"),
        ("sigma = 4.0", 'sigma = "4"', "maps.sigma: expected a number, got '4'"),
        ("[0, 2]", "[0, -2]", r"study.seeds: expected whole numbers from 0, got \[0, -2\]"),
        ("[0, 2]", '"0-2"', "study.seeds: expected a list, got '0-2'"),
        ('"concat"', '"concta"', r"study.embedding: .* \(did you mean concat\?\)"),
        ("[study]", "[stduy]", r"unknown key 'stduy' \(did you mean study\?\)"),
        ("methods =", "method =", r"study: unknown key 'method' \(did you mean methods\?\)"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_in_one_line_with_file_and_key(old, new, words):
    with pytest.raises(UsageError, match=rf"^ours\.toml.*{words}") as refused:
        ours(old, new)
    assert "\n" not in str(refused.value)


KEYS = [line.partition(" = ")[0] for line in OURS.splitlines() if " = " in line]
VALUES = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.floats(), st.text(max_size=8).map(repr)),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(st.sampled_from(KEYS), VALUES)
def test_whatever_a_key_is_given_the_answer_is_a_protocol_or_one_line(key, value):
    text = json.dumps(value) if isinstance(value, list | str | bool) else repr(value)
    lines = [
        f"{key} = {text}" if line.startswith(f"{key} = ") else line for line in OURS.splitlines()
    ]
    try:
        answer: object = parse_protocol("\n".join(lines), "ours.toml")
    except UsageError as refused:
        answer = refused
    assert isinstance(answer, Protocol) or str(answer).startswith("ours.toml")
    assert isinstance(answer, Protocol) or "\n" not in str(answer)


# --- ids

PLATES = ProtocolSettings(dataset="plates", schedule="2x2")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "plates-2x2-224-oracle@1"),
        ({"routing": "inferred"}, "plates-2x2-224-inferred@1"),
        ({"preprocessing": Preprocessing.for_image_size(64)}, "plates-2x2-64-oracle@1"),
        ({"preprocessing": Preprocessing(224, 224)}, "plates-2x2-224-oracle-resize224@1"),
        ({"preprocessing": Preprocessing(64, 64, "pad")}, "plates-2x2-64-oracle-pad@1"),
        ({"preprocessing": Preprocessing(64, 64, "squash")}, "plates-2x2-64-oracle-squash@1"),
        ({"maps": MapSpec(sigma=2)}, "plates-2x2-224-oracle-sigma2@1"),
        ({"maps": MapSpec(sigma=0.1 + 0.2)}, "plates-2x2-224-oracle-sigma0.30000000000000004@1"),
        ({"maps": MapSpec(sigma=1e-9)}, "plates-2x2-224-oracle-sigma1e-09@1"),
    ],
)
def test_a_generated_id_spells_out_what_differs_from_the_usual(changes, expected):
    settings = dataclasses.replace(PLATES, **changes)
    assert settings.generated_id == expected
    assert is_reserved(expected)
    check_id(expected, settings)


@given(
    st.sampled_from(["plates", "line-3", "10-1x5", "a-64-oracle"]),
    st.lists(st.integers(1, 3), min_size=2, max_size=4),
    st.integers(32, 256),
    st.integers(0, 40),
    st.floats(0, 1000),
    st.sampled_from(["oracle", "inferred"]),
)
def test_a_generated_id_is_accepted_for_its_own_settings_only(
    dataset, sizes, crop, extra, sigma, routing
):
    from cadbench.benchmark.streams.schedule import canonical

    size = Preprocessing(crop + extra, crop)
    settings = ProtocolSettings(
        dataset=dataset,
        schedule=canonical(tuple(sizes)),
        routing=routing,
        preprocessing=size,
        maps=MapSpec(sigma=sigma),
    )
    check_id(settings.generated_id, settings)
    check_id(settings.generated_id, dataclasses.replace(settings, dataset=None))
    for changes in (
        {"schedule": "9x9"},
        {"routing": "inferred" if routing == "oracle" else "oracle"},
        {"preprocessing": Preprocessing(crop + extra + 1, crop)},
        {"maps": MapSpec(sigma=(sigma + 1) / 2 if sigma != 1 else 7)},
    ):
        with pytest.raises(UsageError, match="choose another id"):
            check_id(settings.generated_id, dataclasses.replace(settings, **changes))


@pytest.mark.parametrize(
    ("protocol_id", "words"),
    [
        (
            "parts-2x2-224-oracle@1",
            "reserved for dataset parts, but .* has dataset plates",
        ),
        (
            "plates-1x4-224-oracle@1",
            "reserved for schedule 1x4, but .* has schedule 2x2",
        ),
        ("plates-2x2-64-oracle@1", "reserved for crop 64, but .* has crop 224"),
        (
            "plates-2x2-224-inferred@1",
            "reserved for routing inferred, but .* has routing oracle",
        ),
        (
            "plates-2x2-224-oracle-resize224@1",
            "reserved for resize 224, but .* has resize 256",
        ),
        (
            "plates-2x2-224-oracle-sigma2@1",
            "reserved for map sigma 2, but .* has map sigma 4",
        ),
        ("plates-2x2-224-oracle@2", "reserved for version 2, but .* has version 1"),
    ],
)
def test_a_reserved_id_with_other_content_is_refused_naming_the_difference(protocol_id, words):
    with pytest.raises(UsageError, match=f"{words}; choose another id"):
        check_id(protocol_id, PLATES)


def test_a_file_with_the_id_of_a_builtin_must_say_the_same():
    text = builtin_text("mvtec-14-1")
    assert parse_protocol(text, "copy.toml").id == "mvtec-14-1-224-oracle@1"
    for old, new, words in (
        ('"14-1"', '"10-5"', "schedule 14-1, but .* has schedule 10-5"),
        ("sigma = 4.0", "sigma = 2.0", "map sigma 4, but .* has map sigma 2"),
        ("resize = 256", "resize = 224", "resize 256, but .* has resize 224"),
    ):
        with pytest.raises(UsageError, match=rf"copy\.toml: id: .*{words}; choose another id"):
            parse_protocol(text.replace(old, new), "copy.toml")
    changed = text.replace('"14-1"', '"10-5"').replace("mvtec-14-1-224-oracle@1", "ours@1")
    assert parse_protocol(changed, "copy.toml").schedule == "10-5"


# --- cells


def test_a_cell_with_an_id_of_its_own_carries_it_into_its_key_and_through_json():
    cell = a_cell(protocol_id="our-parts@1")
    assert cell.protocol == "our-parts@1"
    assert cell.key != a_cell().key
    back = Cell.from_dict(json.loads(json.dumps(cell.as_dict())))
    assert back == cell
    assert back.key == cell.key


def test_a_cell_whose_id_is_the_generated_one_is_the_plain_cell():
    assert a_cell(protocol_id="plates-1x4-224-oracle@1") == a_cell()


@pytest.mark.parametrize("protocol_id", ["plates-2x2-224-oracle@1", "ours", "a/b@1", 3])
def test_a_cell_refuses_an_id_that_means_something_else_or_nothing(protocol_id):
    with pytest.raises(UsageError, match="id"):
        a_cell(protocol_id=protocol_id)
    values = {**a_cell().as_dict(), "protocol": protocol_id}
    with pytest.raises(UsageError, match=r"id|protocol differ|protocol: expected text"):
        Cell.from_dict(values)


def test_a_study_gives_its_id_to_every_cell():
    from cadbench.benchmark.running.design import cells_of

    study = a_design("mecad", "joint", seeds=(0, 1), protocol_id="our-parts@1")
    assert {cell.protocol for cell in cells_of(study)} == {"our-parts@1"}
    assert {cell.manifest for cell in cells_of(study)} == {a_manifest().hash}
    assert SPEC.preprocessing == Preprocessing()
