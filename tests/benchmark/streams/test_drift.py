"""Streams with drift and blending: what is shown and told, and what a run of one records."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from cadbench.benchmark.data.domains import Domain
from cadbench.benchmark.data.drifted_manifest import add_domains
from cadbench.benchmark.features.feature_set import FeatureSet
from cadbench.benchmark.features.weights import Weights
from cadbench.benchmark.interface.experience import training_patches
from cadbench.benchmark.plugins.methods import load_method
from cadbench.benchmark.protocols.ids import check_id, is_reserved
from cadbench.benchmark.running.evaluation.batches import (
    names_for_method,
    shuffled_batches,
    train_experience,
)
from cadbench.benchmark.streams.stream import Stream
from cadbench.benchmark.system.reporting import Silent
from cadbench.results.errors import UsageError
from cadbench.results.records.record import Record
from cadbench.results.records.store import find_records

from tests.benchmark.cli.test_errors import assert_refused
from tests.benchmark.conftest import FINETUNE, Called
from tests.benchmark.samples import CATEGORIES, a_cell, a_manifest, an_item, an_order

Run = Callable[..., Called]
DARK, TURNED = Domain("dark", 3), Domain("rotate", 3)
COLUMNS = ["apple", "bolt", "cork", "apple@dark:3", "bolt@dark:3", "cork@dark:3"]


# --- the dataset and the stream


def test_a_returned_image_has_an_identity_of_its_own_and_keeps_its_file():
    item = replace(an_item(content="ab"), mask_path="m.png", mask="cd")
    manifest = replace(a_manifest(), items=(item,))
    _, dark, turned = add_domains(manifest, [DARK, TURNED]).items
    assert len({item.content, dark.content, turned.content}) == 3
    assert (dark.path, dark.mask, dark.original) == (item.path, item.mask, item)
    assert turned.mask not in (item.mask, None)
    assert (dark.category, dark.column) == ("apple", "apple@dark:3")
    (other,) = (i for i in add_domains(manifest, [Domain("dark", 2)]).items if i.domain)
    assert other.content != dark.content


def test_no_domain_leaves_the_data_set_as_it_is():
    assert add_domains(a_manifest(), []) is not None
    assert add_domains(a_manifest(), []).hash == a_manifest().hash
    assert add_domains(a_manifest(), [DARK]).categories == CATEGORIES


def test_a_category_that_is_called_like_a_column_is_refused():
    with pytest.raises(UsageError, match=r"'apple@dark:3'.*rename the category"):
        add_domains(a_manifest(("apple", "apple@dark:3")), [DARK])


def drifting(schedule: str = "1x*", blend: float = 0.0) -> Stream:
    domains = (DARK, TURNED)
    return Stream(add_domains(a_manifest(), domains), an_order(), schedule, domains, blend)


def test_every_category_returns_under_each_domain_in_the_same_order():
    stream = drifting("1x4-4x*")
    groups = [experience.categories for experience in stream.train_stream]
    assert groups == [
        *((c,) for c in CATEGORIES),
        tuple(f"{c}@dark:3" for c in CATEGORIES),
        tuple(f"{c}@rotate:3" for c in CATEGORIES),
    ]
    assert stream.resolved_schedule == "1x4-4x2"
    assert stream.seen(5) == (*CATEGORIES, *groups[4])
    assert list(names_for_method(stream, 6, "oracle").values()) == list(CATEGORIES)


def test_a_schedule_covers_the_returns_and_never_has_a_category_twice_in_an_experience():
    with pytest.raises(UsageError, match="the stream has 12: 4, and 4 more for each of 2"):
        drifting("1x4").train_stream  # noqa: B018
    with pytest.raises(UsageError, match=r"experience 2 has bolt twice.*as in 1x4-4x2"):
        drifting("1-5-1x6").refuse_returns_within_an_experience()


# --- what a method is shown and told


@pytest.fixture
def shown(study: Callable[..., Any], cache: Path) -> Callable[..., tuple[Stream, FeatureSet]]:
    """A stream over drawn images with features, by its schedule and options."""

    def build(schedule: str = "1x*", domains: tuple[Domain, ...] = (DARK,), **options: Any) -> Any:
        built = study(categories=("apple", "bolt"), train=8, good=2, defective=2)
        data = add_domains(built.manifest, domains)
        features = FeatureSet(data, built.features.spec, torch.device("cpu"), cache)
        features.ensure(data.columns, Weights("0" * 64), Silent(), pixels=True)
        return Stream(data, built.stream().order, schedule, domains, **options), features

    return build


def test_a_method_is_told_the_category_and_never_the_domain(shown):
    stream, features = shown("1x2-2")
    first, _, last = (train_experience(e, stream, features, True) for e in stream.train_stream)
    assert (last.categories, last.categories_before) == (("apple", "bolt"), 2)
    assert [last.number(c) for c in last.categories] == [0, 1]
    assert not set(first.patches("apple")[0]) & set(last.patches("apple")[0])
    usual, dark = (float(e.images("apple")[1].double().mean()) for e in (first, last))
    assert dark == pytest.approx(0.5 * usual, rel=0.02)
    places = [(column, row) for column in stream.columns for row in range(4)]
    told = [(batch.category, {c for c, _ in chosen}) for chosen, batch in shuffled_batches(
        features, places, "oracle", False, size=8
    )]  # fmt: skip
    assert told == [("apple", {"apple", "apple@dark:3"}), ("bolt", {"bolt", "bolt@dark:3"})]


def test_features_of_domains_never_mix_and_unchanged_ones_are_used_again(shown, pixel_backbone):
    shown(domains=())
    once = sum(pixel_backbone)
    shown()
    assert sum(pixel_backbone) == 2 * once, "the returned images alone were computed"
    _, features = shown(domains=(DARK, Domain("dark", 1)))
    assert sum(pixel_backbone) == 3 * once
    levels = {
        column: float(features.patches(column, "train").read(range(8))[..., :3].mean())
        for column in ("apple", "apple@dark:1", "apple@dark:3")
    }
    assert levels["apple@dark:1"] == pytest.approx(0.8 * levels["apple"], rel=0.02)
    assert levels["apple@dark:3"] == pytest.approx(0.5 * levels["apple"], rel=0.02)


def test_a_blended_stream_shows_each_image_once_by_the_category_it_is_of(shown):
    stream, features = shown(domains=(), blend=0.5)
    one, two = (train_experience(e, stream, features, True) for e in stream.train_stream)
    assert (one.categories, two.categories) == (("apple", "bolt"), ("apple", "bolt"))
    assert (two.categories_before, two.number("bolt")) == (2, 1)
    parts = {name: [e.patches(name)[0] for e in (one, two)] for name in ("apple", "bolt")}
    assert [len(ids) for ids in parts["apple"]] == [6, 2]
    assert [len(ids) for ids in parts["bolt"]] == [2, 6]
    for name, (early, late) in parts.items():
        whole = features.patches(name, "train")
        assert sorted(early + late) == sorted(whole.ids)
        for experience, ids in ((one, early), (two, late)):
            rows = [whole.row_of[identity] for identity in ids]
            assert torch.equal(experience.patches(name)[1], whole.read(rows))
            pieces = np.concatenate(training_patches(experience, name).arrays())
            np.testing.assert_array_equal(pieces, experience.patches(name)[1].numpy())
            pixels = features.pixels(name, "train").read(rows)
            assert torch.equal(experience.images(name)[1], pixels)


def test_without_domains_and_blending_a_source_is_the_categorys_own(shown):
    stream, features = shown(domains=())
    experience = train_experience(stream.train_stream[0], stream, features, False)
    assert training_patches(experience, "apple") is features.patches("apple", "train")


def test_where_nothing_is_told_at_test_time_a_blended_stream_tells_nothing_in_training(shown):
    stream, features = shown(blend=0.5)
    names = []
    for e in stream.train_stream:
        experience = train_experience(e, stream, features, False, "inferred")
        names += experience.categories
        ids, patches = experience.patches(*experience.categories)
        assert len(ids) == len(patches) == sum(map(len, stream.training(e.index).values()))
    assert names == ["experience 1", "experience 2", "experience 3", "experience 4"]


# --- cells and protocols


def test_a_cell_without_drift_has_the_key_that_it_always_had():
    cell = a_cell("finetune")
    assert not {"drift", "blend"} & set(cell.as_dict())
    assert replace(cell, drift=(), blend=0.0).key == cell.key
    keys = {cell.key}
    for change in (
        {"drift": ("dark:3",)},
        {"drift": ("rotate:3",)},
        {"blend": 0.5},
        {"blend": 0.25},
    ):
        keys.add(replace(cell, **change).key)
    assert len(keys) == 5


def test_the_cell_and_its_id_say_what_returns_and_how_it_blends():
    domains = ("dark:2", "blur:1")
    cell = replace(a_cell("finetune"), drift=domains, blend=0.5, schedule="1x12")
    assert cell.protocol == "plates-1x12-224-oracle-drift-dark2-blur1-blend0.5@1"
    assert cell.as_dict()["drift"] == [
        {"name": "dark:2", "factor": 0.65, "version": 1},
        {"name": "blur:1", "sigma": 0.5, "version": 1},
    ]
    assert type(cell).from_dict(json.loads(json.dumps(cell.as_dict()))) == cell
    assert is_reserved(cell.protocol)
    with pytest.raises(
        UsageError, match=r"reserved for drift -dark2, but .* has drift -dark2-blur1"
    ):
        check_id("plates-1x12-224-oracle-drift-dark2-blend0.5@1", cell._settings)
    with pytest.raises(UsageError, match=r"reserved for blend 0, but .* has blend 0.5"):
        check_id("plates-1x12-224-oracle-drift-dark2-blur1@1", cell._settings)


def test_a_method_that_learns_no_category_again_is_refused_where_one_returns(monkeypatch):
    monkeypatch.setattr(load_method("finetune"), "recurring", False)
    cell = a_cell("finetune")
    with pytest.raises(UsageError, match=r"finetune cannot learn .* --drift makes .* leave out"):
        replace(cell, drift=("dark:3",), schedule="1x8")
    with pytest.raises(UsageError, match="--blend makes categories return"):
        replace(cell, blend=0.5)
    assert replace(cell, blend=0.5, routing="inferred").blend == 0.5, "there nothing is told"


# --- runs


def final(record: Record) -> pd.Series:
    """The final AUROC of each column."""
    rows = record.metrics[record.metrics["metric"] == "auroc"]
    return rows[rows["t"] == rows["t"].max()].set_index("category")["value"]


def only(out: Path) -> Record:
    (record,) = find_records(out)
    return record


def test_a_run_with_drift_records_a_column_for_every_return(run_plates, call, out, tmp_path):
    drift = ("--drift", "dark:3", "--schedule", "1x3-3")
    done = run_plates("-q", "--method", "per_category", *drift)
    assert done.code == 0, done
    record = only(out)
    assert record.protocol == "plates-1x3-3-64-oracle-drift-dark3@1"
    assert record.experiences == [["apple"], ["bolt"], ["cork"], COLUMNS[3:]]
    assert list(final(record).index) == COLUMNS
    chosen = record.events[record.events["kind"] == "assignment"]
    assert chosen.set_index("category")["expert"].to_dict() == dict(
        zip(COLUMNS, [0, 1, 2, 0, 1, 2], strict=True)
    )
    assert set(record.run["pixels"]) == set(COLUMNS)
    assert len(record.maps()) == (record.scores["experience"] == 4).sum()

    for words in (["show", "per_category"], ["table", "matrix"], ["table", "per-category"],
                  ["table", "assignments"], ["table", "--intervals"], ["leaderboard"]):  # fmt: skip
        said = call(*words, "--out", out)
        assert said.code == 0, said
        assert "cork@dark:3" in said.out or words[-1] in ("--intervals", "leaderboard")
    table = call("table", "domains", "--out", out, "--format", "csv", "--intervals").out
    of_dark = final(record)[COLUMNS[3:]].mean()
    (row,) = (line for line in table.splitlines() if ",dark:3," in line)
    assert str(of_dark) in row.split(",")

    archive = tmp_path / "theirs.zip"
    assert call("export", "all", "--to", archive, "--out", out).code == 0
    taken = call("import", archive, "--out", tmp_path / "theirs")
    assert taken.code == 0, taken
    assert only(tmp_path / "theirs").key == record.key


def test_the_rows_before_any_return_are_those_of_the_stream_without_drift(run_plates, out):
    assert run_plates("-q", *FINETUNE, "--maps", "all").code == 0
    assert run_plates("-q", *FINETUNE, "--maps", "all", "--drift", "noise:3").code == 0
    plain, drifted = sorted(find_records(out), key=lambda record: len(record.experiences))
    before = drifted.scores["experience"] <= 3
    known = drifted.scores["category"].isin(plain.categories)
    pd.testing.assert_frame_equal(
        drifted.scores[before & known].reset_index(drop=True), plain.scores, check_exact=True
    )


def test_a_broken_off_run_with_drift_goes_on_and_ends_alike(run_plates, out, tmp_path, monkeypatch):
    small = ("--set", "replay.class_budget=20", "--set", "replay.bank_budget=150")
    words = ("--method", "replay", *small, "--drift", "dark:3", "--blend", "1")
    kind = load_method("replay")
    observe = kind.observe

    def break_off(self: Any, experience: Any) -> Any:
        if experience.index == 5:
            raise RuntimeError("broken off")
        return observe(self, experience)

    with monkeypatch.context() as broken:
        broken.setattr(kind, "observe", break_off)
        assert run_plates("-q", *words).code == 1
    again = run_plates(*words)
    assert "resuming after experience 4 of " in again.err, again
    assert run_plates("-q", *words, "--out", tmp_path / "whole").code == 0
    one, other = only(out), only(tmp_path / "whole")
    for table in ("scores", "metrics", "memory", "events"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table))


def test_a_blended_run_without_names_can_be_read_and_sent(run_plates, call, out, tmp_path):
    small = ("--set", "mecad.class_budget=10", "--set", "mecad.expert_budget=30")
    words = ("--method", "mecad", *small, "--blend", "1")
    assert run_plates("-q", *words, "--routing", "inferred").code == 0
    assert run_plates("-q", *words).code == 0
    for record in find_records(out):
        assigned = record.events[record.events["kind"] == "assignment"]
        owned = assigned[assigned["chosen"].astype(bool)]
        assert owned["category"].tolist() == ["apple", "bolt", "cork"]
        parts = record.events["kind"] == "assignment of a part"
        assert parts.any() == (record.routing == "oracle")
    told = {record.routing: set(record.memory["categories"]) for record in find_records(out)}
    assert any("experience 2" in names for names in told["inferred"])
    assert not any("experience" in names for names in told["oracle"])
    archive = tmp_path / "theirs.zip"
    assert call("export", "all", "--to", archive, "--out", out).code == 0
    assert call("import", archive, "--out", tmp_path / "theirs").code == 0
    assert call("show", "mecad", "--out", out).code == 2
    for record in find_records(out):
        assert call("show", record.key[:8], "--out", out).code == 0


def test_wrong_drift_is_one_line_before_any_image_is_read(call):
    for words, said in (
        (["--drift", "drak:1"], "did you mean dark?"),
        (["--drift", "dark:9"], "strength from 1 to 3"),
        (["--blend", "2"], "--blend"),
    ):
        assert_refused(call("run", *words), 2, said)


def test_domains_are_listed_with_their_parameters(call):
    said = call("domains").out
    assert "| dark   | factor    | 0.80 | 0.65 |  0.50 | no " in said
