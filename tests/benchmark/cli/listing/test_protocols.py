"""`cadbench protocols` and `--protocol`: the same cells as the options, and no contradiction."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cadbench import Study, UsageError
from cadbench.benchmark.data.readers.mvtec import Mvtec
from cadbench.benchmark.protocols.builtin import builtin_names, builtin_text, find_protocol
from cadbench.results.records.schema import canonical_json
from cadbench.results.records.store import find_records

from tests.benchmark.cli.test_errors import assert_refused
from tests.benchmark.conftest import Called

OURS = """
id = "our-plates@1"
dataset = "folder"
categories = ["apple", "bolt", "cork"]
schedule = "2-1"
orders = ["alphabetical", "line"]
named_orders = { line = ["cork", "apple", "bolt"] }
routing = "inferred"
unseen = "all"
preprocessing = { resize = 64, crop = 64 }
maps = { upsampling = "bilinear", sigma = 2.0 }

[study]
seeds = [0, 1]
methods = ["finetune"]
set = ["finetune.bank_budget=10", "mecad.experts=1,2", "mecad.class_budget=10"]
"""

Run = Callable[..., Called]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The sample protocol as a file."""
    path = tmp_path / "ours.toml"
    path.write_text(OURS)
    return path


@pytest.fixture
def run_file(file: Path, plates: Callable[..., Path], call: Run, out: Path) -> Run:
    """`cadbench run -q --protocol` with the sample, on drawn images."""
    root = plates()
    where = ("--data-root", root, "--out", out, "--device", "cpu")
    return lambda *words: call("run", "-q", "--protocol", file, *where, *words)


@pytest.fixture
def mvtec(dataset: Callable[..., Path]) -> list[str]:
    """`run` on a drawn dataset with MVTec AD's categories, and one more."""
    names = (*Mvtec.counts, "apple")
    root = dataset(categories=names, train=1, good=1, defective=1)
    more = ["--backbone", "tf_efficientnet_lite0", "--dry-run", "--format", "json"]
    return ["run", "-q", "--data-root", str(root), *more]


def cells_of(called: Called) -> list[dict[str, Any]]:
    assert called.code == 0, called
    cells: list[dict[str, Any]] = json.loads(called.out)
    return sorted(cells, key=canonical_json)


def test_the_list_names_every_builtin_with_its_id_and_source(call):
    shown = call("protocols").out
    for name in builtin_names():
        protocol = find_protocol(name)
        (row,) = (line for line in shown.splitlines() if line.startswith(f"| {name} "))
        assert f" {protocol.id} " in row
        assert f" {protocol.schedule} " in row
        assert protocol.source in row


def test_a_builtin_is_printed_as_the_file_that_it_is(call):
    for name in builtin_names():
        assert call("protocols", name).out == builtin_text(name)


def test_a_file_is_checked(call, file):
    checked = call("protocols", file)
    assert checked.code == 0
    assert f"{file} is a valid protocol: our-plates@1, 3 categories of folder" in checked.out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("routing", "ruoting", ["'ruoting'", "did you mean routing?"]),
        ('"finetune"', '"finetun"', ["study:", "'finetun'", "did you mean finetune?"]),
        ("bank_budget", "budget", ["study:", "bank_budget"]),
        ("bank_budget=10", "bank_budget", ["study:", "METHOD.PARAM=VALUES"]),
        ("our-plates@1", "our-plates", ["id:", "'our-plates'"]),
        ("our-plates@1", "plates-1x3-64-oracle@1", ["id:", "schedule 1x3", "another id"]),
    ],
)
def test_what_is_wrong_with_a_file_is_refused_by_both_commands(
    call, run_file, file, old, new, said
):
    file.write_text(OURS.replace(old, new))
    assert_refused(call("protocols", file), 2, "ours.toml", *said)
    assert_refused(run_file("--dry-run"), 2, "ours.toml", *said)


def test_an_unknown_protocol_is_wrong_usage(call, tmp_path):
    for words in (("protocols", "mvtec-1x16"), ("run", "--protocol", "mvtec-1x16", "-q")):
        assert_refused(call(*words), 2, "'mvtec-1x16'", "did you mean mvtec-1x15?", "a file")
    assert_refused(call("protocols", tmp_path), 2, "no protocol")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mvtec-1x15", []),
        ("mvtec-1x15-inferred", ["--routing", "inferred"]),
        ("mvtec-14-1", ["--schedule", "14-1"]),
        ("mvtec-10-1x5", ["--schedule", "10-1x5"]),
        ("mvtec-drift", ["--schedule", "1x15-15x4", "--drift", "dark:2,blur:2,noise:2,rotate:2"]),
        ("mecad-paper", [*("--experts", "1-8", "--embedding", "official"),
                         *("--set", "mecad.threshold=0.9"),
                         *("--set", "mecad.expert_centroid=categories,memory,buffer"),
                         *("--set", "mecad.update=union,reselect"),
                         *("--set", "mecad.selector=approximate_greedy"),
                         *("--set", "mecad.categories_per_expert=5")]),
    ],
)  # fmt: skip
def test_a_builtin_gives_the_cells_of_the_same_options_and_so_does_its_copy(
    call, mvtec, tmp_path, name, options
):
    cells = cells_of(call(*mvtec, "--protocol", name))
    plain = ["--dataset", "mvtec", "--categories", ",".join(Mvtec.counts)]
    assert cells == cells_of(call(*mvtec, *plain, *options))
    copy = tmp_path / "copy.toml"
    copy.write_text(call("protocols", name).out)
    assert cells == cells_of(call(*mvtec, "--protocol", copy))
    assert "apple" not in cells[0]["order"]["categories"], "what the protocol does not list"


def test_a_file_sets_stream_preprocessing_and_study(run_file):
    cells = cells_of(run_file("--dry-run", "--format", "json"))
    assert [(cell["order"]["categories"], cell["seed"]) for cell in cells] == [
        (categories, seed)
        for categories in (["apple", "bolt", "cork"], ["cork", "apple", "bolt"])
        for seed in (0, 1)
    ]
    for cell in cells:
        assert cell["protocol"] == "our-plates@1"
        assert (cell["schedule"], cell["routing"], cell["unseen"]) == ("2-1", "inferred", "all")
        assert cell["preprocessing"] == {"resize": 64, "crop": 64}
        assert cell["maps"]["sigma"] == 2
        assert cell["method"]["name"] == "finetune"
        assert cell["method"]["params"]["bank_budget"] == 10


def test_the_study_gives_way_to_options_and_reaches_only_the_methods_that_run(run_file):
    words = ["--method", "mecad", "--experts", "3", "--seeds", "7", "--order", "line"]
    (cell,) = cells_of(run_file(*words, "--dry-run", "--format", "json"))
    assert (cell["method"]["name"], cell["seed"]) == ("mecad", 7)
    assert cell["method"]["params"]["experts"] == 3
    assert cell["method"]["params"]["class_budget"] == 10
    words = ["--set", "finetune.bank_budget=20", "--seeds", "0", "--order", "line"]
    (cell,) = cells_of(run_file(*words, "--dry-run", "--format", "json"))
    assert cell["method"]["params"]["bank_budget"] == 20


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("schedule", "1x3", "2-1"),
        ("routing", "oracle", "inferred"),
        ("unseen", "next", "all"),
        ("image_size", 64, "a resize to 64 and a crop of 64 pixels"),
        ("map_sigma", 4, "2"),
        ("dataset", "mvtec", "folder"),
        ("categories", "apple,bolt", "apple, bolt, cork"),
        ("drift", "dark:1", "no drift"),
        ("holdout", 0.1, "0"),
        ("contaminate", 0.1, "none"),
    ],
)
def test_a_value_that_contradicts_the_protocol_is_refused(file, field, value, said):
    with pytest.raises(UsageError, match=f"{field}: contradicts the protocol .* which sets {said}"):
        Study(protocol=file, **{field: value})


def test_an_option_that_contradicts_the_protocol_is_refused(run_file, out):
    refused = run_file("--map-sigma", "4")
    assert_refused(refused, 2, "--map-sigma: contradicts the protocol", "which sets 2")
    assert not out.exists()


def test_a_value_that_says_the_same_as_the_protocol_is_taken(file):
    same = {"schedule": "2-1", "routing": "inferred", "map_sigma": 2, "dataset": "folder"}
    study = Study(protocol=file, categories="cork,bolt,apple", **same)
    assert study.settings == Study(protocol=file).settings


def test_cells_and_a_protocol_exclude_each_other(run_file, tmp_path):
    written = tmp_path / "cells.json"
    written.write_text(run_file("--dry-run", "--format", "json").out)
    assert_refused(run_file("--cells", written), 2, "--protocol and --cells exclude each other")


def test_an_order_that_is_not_official_is_run_with_a_warning(run_file):
    said = run_file("--order", "line,random:5", "--dry-run")
    assert said.code == 0
    assert said.err.count("\n") == 1
    assert "warning: order random:5 is not one of" in said.err
    assert "(alphabetical, line)" in said.err


def test_data_without_a_required_category_is_refused_naming_all_that_lack(call, mvtec, run_file):
    import shutil

    root = Path(mvtec[mvtec.index("--data-root") + 1])
    for name in ("bolt", "cork", "zipper", "wood"):
        shutil.rmtree(root / name, ignore_errors=True)
    assert_refused(run_file(), 1, "ours.toml needs 2 categories", "bolt, cork;")
    refused = call(*mvtec, "--protocol", "mvtec-14-1")
    assert_refused(refused, 1, "protocol mvtec-14-1 needs 2 categories", "wood, zipper;")


def test_a_folder_of_another_name_cannot_take_a_generated_id(run_file, file):
    file.write_text(OURS.replace("our-plates@1", "parts-2-1-64-inferred-resize64-sigma2@1"))
    assert_refused(run_file("--dry-run"), 2, "reserved for dataset parts", "another id")


def make_records(run: Run, words: Sequence[str] = ()) -> None:
    done = run("--seeds", "0", "--order", "alphabetical", *words)
    assert done.code == 0, done


def test_records_of_two_files_that_share_an_id_never_share_a_table(
    run_file, file, call, out, pixel_backbone
):
    make_records(run_file)
    file.write_text(OURS.replace("sigma = 2.0", "sigma = 3.0").replace("=10", "=12"))
    make_records(run_file)
    assert {record.protocol for record in find_records(out)} == {"our-plates@1"}
    titles = [
        line
        for line in call("table", "--out", out, "--protocol", "our-plates@1").out.splitlines()
        if line.startswith("### ")
    ]
    assert len(titles) == 2
    assert "maps.sigma=2.0" in titles[0]
    assert "maps.sigma=3.0" in titles[1]
    mixed = call("table", "--out", out, "--allow-mixed").out
    assert "maps.sigma=2.0" in mixed
    assert "maps.sigma=3.0" in mixed
    assert call("leaderboard", "--out", out).out.count("### our-plates@1") == 2


def test_tables_take_the_name_of_a_builtin_for_its_id(make_protocol_record, call, out):
    make_protocol_record("mvtec-14-1-224-oracle@1")
    make_protocol_record("mvtec-1x15-224-oracle@1")
    for command in ("table", "leaderboard"):
        for protocol in ("mvtec-14-1", "mvtec-14-1-224-oracle@1"):
            shown = call(command, "--out", out, "--protocol", protocol)
            assert shown.code == 0, shown
            assert "mvtec-14-1-224-oracle@1, oracle routing" in shown.out
            assert "1x15" not in shown.out
    refused = call("table", "--out", out, "--protocol", "mvtec-10-5")
    assert_refused(refused, 2, "'mvtec-10-5-224-oracle@1'", "available: mvtec-14-1-224")


@pytest.fixture
def make_protocol_record(out: Path) -> Callable[[str], None]:
    """A record of this protocol id in `out`, of no run."""
    from cadbench.results.metrics.compute import compute_metrics
    from cadbench.results.records.store import partial_dir, record_dir, write_record

    from tests.results.samples import (
        MATRIX,
        make_cell,
        make_events,
        make_memory,
        make_run,
        make_scores,
    )

    def make(protocol: str) -> None:
        cell = make_cell(protocol=protocol, dataset="mvtec")
        experiences = [[category] for category in cell["order"]["categories"]]
        scores, events = make_scores(MATRIX, experiences), make_events({})
        frames = {
            "scores": scores,
            "metrics": compute_metrics(scores, experiences, "oracle", events),
            "memory": make_memory(len(experiences)),
            "events": events,
        }
        final = record_dir(out, cell)
        write_record(partial_dir(final), final, make_run(cell, experiences), frames)

    return make
