"""--tune: drawn defects, the images of trials, and a choice that reads no test image."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
from cadbench import Study
from cadbench.benchmark.data.images.drawn_defects import KINDS, draw_defect
from cadbench.benchmark.finished.tables import TableOptions, make_tables
from cadbench.benchmark.running.cell import Cell
from cadbench.benchmark.streams.holdout import hold_out
from cadbench.benchmark.streams.tuning_images import TUNING_HOLDOUT, make_tuning_images
from cadbench.results.errors import UsageError
from cadbench.results.records.store import find_records

SMALL = ("--set", "mecad.class_budget=10", "--set", "mecad.expert_budget=30", "--maps", "none")
TUNE = ("--tune", "mecad.experts=1,3")


@pytest.mark.parametrize("kind", KINDS)
def test_a_defect_depends_on_the_image_alone_and_is_small(kind):
    rng = np.random.Generator(np.random.PCG64(1))
    pixels = rng.integers(60, 200, (3, 224, 224)).astype(np.uint8)
    before = pixels.copy()
    one, again = (draw_defect(pixels, kind, "ab") for _ in range(2))
    other = draw_defect(pixels, kind, "cd")
    assert (one == again).all()
    assert (one != other).any()
    assert (pixels == before).all()
    assert one.dtype == np.uint8
    changed = (one != pixels).any(0).mean()
    assert 0 < changed < 0.06


def test_trials_have_training_images_only_and_defects_of_every_kind(study):
    manifest = study().manifest
    images, stored = make_tuning_images(manifest)
    tested = {item.content for c in manifest.categories for item in manifest.test(c)}
    originals = {(i.original or i).content for i in images.items}
    assert not tested & originals
    for category in manifest.categories:
        held = hold_out(manifest.train(category), TUNING_HOLDOUT)
        assert set(held) == {i.content for i in images.test(category) if not i.label}
        drawn = [i for i in images.test(category) if i.label]
        assert sorted(i.drawn for i in drawn) == sorted([*KINDS] * len(held))
        assert not set(held) & {i.content for i in images.train(category)}
        assert stored.train(category) == manifest.train(category)
    assert len({i.content for i in images.items}) == len(images.items)


def test_the_value_is_chosen_with_all_test_images_gone(run_plates, run_words, monkeypatch):
    """After the manifest is built, trials must not open a test image."""
    from pathlib import Path

    from cadbench.benchmark.study import tuning

    root = Path(run_words[run_words.index("--data-root") + 1])
    choose = tuning.choose
    results = []

    def choose_without_test_images(*given):
        moved = [(f, f.with_suffix(".away")) for f in root.glob("*/test/*/*.png")]
        assert len(moved) == 21
        for file, away in moved:
            shutil.move(file, away)
        try:
            results.append(choose(*given))
        finally:
            for file, away in moved:
                shutil.move(away, file)
        return results[-1]

    monkeypatch.setattr(tuning, "choose", choose_without_test_images)
    ran = run_plates(*TUNE, *SMALL)
    assert ran.code == 0, ran
    assert "tuned mecad: experts=" in ran.err
    ((cells, entry),) = results
    assert [each["params"] for each in entry["tried"]] == [{"experts": 1}, {"experts": 3}]
    best = max(entry["tried"], key=lambda each: each["auroc"])
    assert entry["chosen"] == best["params"]
    assert {cell.params.experts for cell in cells} == {best["params"]["experts"]}


def test_a_record_says_what_was_tried_and_tables_mark_its_row(
    call, run_plates, out, pixel_backbone
):
    assert run_plates(*TUNE, *SMALL, "--seeds", "0-1").code == 0
    assert run_plates("--set", "mecad.experts=1,3", *SMALL, "--seeds", "0-1").code == 0
    extracted = len(pixel_backbone)
    again = run_plates(*TUNE, *SMALL, "--seeds", "0-1")
    assert again.code == 0
    assert len(pixel_backbone) == extracted
    assert "2 reused" in again.out
    records = find_records(out)
    tuned = [record for record in records if "tuned" in record.cell]
    assert len(records) == 6
    assert len(tuned) == 2
    for record in tuned:
        assert record.cell["tuned"]["params"] == {"experts": [1, 3]}
        assert record.run["tuning"]["chosen"] == {"experts": record.params["experts"]}
        assert record.run["tuning"]["seconds"] > 0
        assert Cell.from_dict(json.loads(json.dumps(record.cell))).key == record.key
        plain = [
            r
            for r in records
            if r.params == record.params and r.seed == record.seed and r is not record
        ]
        assert (plain[0].scores["score"] == record.scores["score"]).all()
    shown = call("show", tuned[0].key[:12], "--out", out)
    assert f"tuned: experts={tuned[0].params['experts']} (AUROC on drawn defects" in shown.out
    (table,) = make_tables("main", records, TableOptions())
    labels = [row[1] for row in table.rows]
    assert sum("(tuned)" in label for label in labels) == 1
    notes = " ".join(table.notes)
    assert "tuned: chosen on held-out training images with drawn defects: mecad.experts" in notes
    assert "2 values of mecad.experts were run: the best of these rows is selected on" in notes


def test_three_ways_to_write_it_give_the_same_study(call, run_words, cache, tmp_path):
    root = run_words[run_words.index("--data-root") + 1]
    study = Study(
        dataset="folder",
        data_root=root,
        random_weights=True,
        methods={"mecad": {"experts": [1, 2]}, "finetune": {}},
        tune={"mecad": {"threshold": [0.5, 0.7], "replay": ["random", "full"]}},
        tune_on="synthetic-1x15",
    )
    file = tmp_path / "study.toml"
    study.save(file)
    assert Study.from_file(file, data_root=root).settings == study.settings
    listed = call(
        *("run", "--dataset", "folder", "--data-root", root, "--random-weights", "--dry-run"),
        *("--method", "mecad", "--method", "finetune", "--experts", "1,2"),
        *("--tune", "mecad.threshold=0.5,0.7", "--tune", "replay=random,full"),
        *("--save", tmp_path / "again.toml"),
    )
    assert listed.code == 0, listed
    again = Study.from_file(tmp_path / "again.toml", data_root=root)
    assert again.settings == dataclasses.replace(study.settings, tune_on=None)
    assert "mecad.threshold, mecad.replay: chosen from 4 combinations by 4 trials" in listed.out


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"tune": {"mecad": {"threshold": [0.5]}}}, "give two values or more"),
        ({"tune": {"mecad": {"treshold": [0.5, 0.6]}}}, "no parameter 'treshold'"),
        ({"tune": {"patchcore": {"bank_budget": [1, 2]}}}, "not among the methods of this study"),
        ({"tune_on": "mvtec-1x15"}, "there is nothing to tune"),
        ({"tune": {"mecad": {"experts": [1, 2]}}, "contaminate": 0.1}, "combined with contaminate"),
        (
            {"tune": {"mecad": {"experts": [1, 2]}}, "methods": {"mecad": {"experts": 2}}},
            "mecad.experts is also set",
        ),
        (
            {"tune": {"mecad": {"experts": [1, 2]}}, "tune_on": "mvtec-1x16"},
            "no protocol 'mvtec-1x16'",
        ),
    ],
)
def test_what_cannot_be_tuned_is_refused(values, words):
    with pytest.raises(UsageError, match=words):
        Study(**values)
