"""Contamination: which images move, that all shares have one test set, and what a record says."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from cadbench import Study
from cadbench.benchmark.data.item import Item
from cadbench.benchmark.data.manifest import Manifest
from cadbench.benchmark.running.cell import Cell
from cadbench.benchmark.streams.contamination import (
    Contamination,
    contaminate,
    contamination_warnings,
    count_contaminated,
)
from cadbench.results.errors import UsageError
from cadbench.results.records.store import find_records

from tests.benchmark.samples import a_cell

SHARES = (0.0, 0.02, 0.05, 0.1)


def a_dataset(train: int = 190, defective: int = 50) -> Manifest:
    def item(split: str, defect: str, number: int) -> Item:
        path = f"apple/{split}/{defect}/{number}.png"
        return Item("apple", split, defect, path, None, 8, 8, f"{defect}{split}{number}", None)  # type: ignore[arg-type]

    items = [
        *(item("train", "good", n) for n in range(train)),
        *(item("test", "good", n) for n in range(20)),
        *(item("test", "dent", n) for n in range(defective)),
    ]
    return Manifest("plates", Path("plates"), tuple(items))


def contents(items):
    return {item.content for item in items}


def test_shares_have_one_test_set_and_larger_ones_contain_smaller_ones():
    manifest = a_dataset()
    made = [contaminate(manifest, Contamination(share, 3)) for share in SHARES]
    moved = [contents(each.train("apple")) - contents(manifest.train("apple")) for each in made]
    assert [len(each) for each in moved] == [0, 4, 10, 21]  # 190 s / (1 - s)
    assert moved[0] < moved[1] < moved[2] < moved[3]
    tested = [contents(each.test("apple")) for each in made]
    assert tested == [tested[0]] * 4
    assert len(tested[0]) == 20 + 25
    assert not moved[3] & tested[0]
    again = contaminate(manifest, Contamination(0.05, 4))
    assert contents(again.test("apple")) == tested[0]
    assert contents(again.train("apple")) != contents(made[2].train("apple"))
    assert contaminate(manifest, None) is manifest


def test_a_small_pool_limits_the_share_and_is_reported():
    manifest = a_dataset(train=190, defective=10)
    counts = count_contaminated(manifest, Contamination(0.1, 0))["apple"]
    assert dataclasses.astuple(counts) == (5, 195, 5, 16)
    (line,) = contamination_warnings(manifest, 0.1)
    assert "apple 0.026" in line
    assert contamination_warnings(manifest, 0.02) == []


def test_one_defective_image_is_not_enough():
    with pytest.raises(UsageError, match="apple has 1: leave it out"):
        contaminate(a_dataset(defective=1), Contamination(0.0, 0))


def test_the_share_is_in_key_and_id_only_if_it_is_set():
    plain, clean, dirty = a_cell(), a_cell(contaminate=0.0), a_cell(contaminate=0.05)
    assert "contaminate" not in plain.as_dict()
    assert "contaminate" not in plain.protocol
    assert dirty.protocol == plain.protocol.replace("@", "-contaminate0.05@")
    assert clean.protocol == plain.protocol.replace("@", "-contaminate0@")
    assert len({plain.key, clean.key, dirty.key}) == 3
    assert Cell.from_dict(json.loads(json.dumps(dirty.as_dict()))) == dirty


def test_a_study_with_several_shares_has_a_cell_for_each(run_words, cache, tmp_path):
    root = run_words[run_words.index("--data-root") + 1]
    study = Study(
        dataset="folder", data_root=root, random_weights=True, image_size=64, contaminate=SHARES
    )
    assert study == dataclasses.replace(study, contaminate="0,0.02,0.05,0.1")
    assert [cell.contaminate for cell in study.cells()] == list(SHARES)
    study.save(tmp_path / "study.toml")
    again = Study.from_file(tmp_path / "study.toml", data_root=root)
    assert again.settings == study.settings
    with pytest.raises(UsageError, match="expected shares such as"):
        Study(contaminate="a")


def test_a_run_counts_contaminated_images_and_extracts_none_again(run_plates, out, pixel_backbone):
    words = ("--method", "per_category", "--set", "class_budget=20", "--maps", "none")
    assert run_plates(*words).code == 0
    extracted = len(pixel_backbone)
    ran = run_plates(*words, "--contaminate", "0,0.4")
    assert ran.code == 0, ran
    assert len(pixel_backbone) == extracted
    plain, clean, dirty = sorted(
        find_records(out), key=lambda record: record.cell.get("contaminate", -1)
    )
    assert clean.run["contaminated"]["apple"] == {"moved": 0, "train": 3, "removed": 2}
    assert dirty.run["contaminated"]["apple"] == {"moved": 2, "train": 5, "removed": 2}
    images = [set(record.scores["image"]) for record in (plain, clean, dirty)]
    assert images[1] == images[2] < images[0]
    merged = plain.scores.merge(clean.scores, on=["experience", "category", "image"])
    assert (merged["score_x"] == merged["score_y"]).all()
    both = clean.scores.merge(dirty.scores, on=["experience", "category", "image"])
    assert (both["score_x"] != both["score_y"]).any()
