"""Which cells a run has, and what is in their records."""

from __future__ import annotations

import getpass
import json
import platform
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cadbench.benchmark.running.runner import stored_vectors
from PIL import Image

from tests.benchmark.conftest import FINETUNE, SMALL
from tests.benchmark.running.test_runner import assert_same_numbers, by_cell, only


def test_match_memory_gives_every_baseline_what_mecad_stores_for_each_order_and_seed(
    run_plates, out
):
    factors = ("--order", "alphabetical,random:1", "--seeds", "2")
    baselines = ("patchcore", "replay", "joint", "finetune", "per_category")
    methods = [word for name in ("mecad", *baselines) for word in ("--method", name)]
    budgets = ("patchcore.class_budget=20", "replay.class_budget=5", "joint.class_budget=20")
    small = [word for budget in budgets for word in ("--set", budget)]
    done = run_plates(*methods, *SMALL, *small, *factors, "--match-memory", "mecad")
    assert done.code == 0, done.err
    records = by_cell(out).values()
    assert len(records) == 12
    stored = {(r.order, r.seed): stored_vectors(r) for r in records if r.method == "mecad"}
    for record in records:
        if record.method == "mecad":
            continue
        budget = stored[record.order, record.seed]
        if record.method in ("per_category", "joint"):
            assert record.params["class_budget"] == budget // 3
        else:
            assert record.params["bank_budget"] == budget
        if record.method == "patchcore":
            assert stored_vectors(record) == budget


def test_a_shard_without_cells_says_so(run_plates, out):
    done = run_plates(*FINETUNE, "--shard", "2/2")
    assert (done.code, done.out) == (0, "")
    assert "--shard 2/2 selects no cell" in done.err
    assert not out.exists()


def test_a_cell_alone_scores_as_it_does_in_a_sweep(run_plates, out, tmp_path, monkeypatch):
    swept = ("--experts", "1-3", "--set", "mecad.replay=random,full", "--seeds", "0-1", *SMALL)
    assert run_plates(*swept).code == 0
    alone = ("--experts", "2", "--set", "mecad.replay=full", "--seeds", "1", *SMALL)
    monkeypatch.setenv("CADBENCH_CACHE", str(tmp_path / "another cache"))
    assert run_plates(*alone, "--out", tmp_path / "alone").code == 0
    record = only(tmp_path / "alone")
    assert_same_numbers(record, by_cell(out)[record.key])


def test_cells_written_as_json_are_run_exactly(run_plates, run_words, call, out, tmp_path):
    chosen = ("--experts", "1-2", *SMALL, "--seeds", "3,5", "--order", "random:2")
    chosen = (*chosen, "--schedule", "2x1", "--routing", "inferred", "--unseen", "all")
    chosen = (*chosen, "--categories", "cork,apple")
    without_size = [word for word in run_words if word not in ("--image-size", "64")]
    written = run_plates(*chosen, "--dry-run", "--format", "json")
    assert not out.exists()
    listed = json.loads(written.out)
    file = tmp_path / "cells.json"
    file.write_text(json.dumps(listed[1:]))
    assert call(*without_size, "--cells", file).code == 0
    records = by_cell(out)
    assert [cell["seed"] for cell in listed] == [3, 5, 3, 5]
    assert sorted(record.cell["seed"] for record in records.values()) == [3, 5, 5]
    for record in records.values():
        assert record.cell in listed[1:]
        assert sorted(record.categories) == ["apple", "cork"]
    again = call(*without_size, "--cells", file, "--shard", "1/3")
    assert "(0 computed, 1 reused)" in again.out
    assert run_plates(*chosen, "--dry-run").out.splitlines()[-1].startswith("4 cells:")


def test_a_dry_run_lists_the_cells_that_a_run_then_records(run_plates, out):
    chosen = (*FINETUNE, "--method", "mecad", *SMALL, "--experts", "1,3")
    listed = run_plates(*chosen, "--dry-run").out.splitlines()
    run_plates(*chosen)
    assert {line[:8] for line in listed if "missing  " in line} == {key[:8] for key in by_cell(out)}


# --- what a record holds


@pytest.mark.parametrize(
    ("maps", "experiences"), [("none", []), ("final", [3]), ("all", [1, 2, 3])]
)
def test_the_record_keeps_the_maps_that_were_asked_for_in_the_order_of_the_scores(
    run_plates, out, maps, experiences
):
    assert run_plates(*FINETUNE, "--maps", maps).code == 0
    record = only(out)
    scores = record.scores
    rows = scores[scores["experience"].isin(experiences)]
    if not experiences:
        assert record.maps() is None
        return
    kept = record.maps()
    assert kept is not None
    assert kept.shape == (len(rows), 8, 8)
    largest = kept.reshape(len(kept), -1).max(axis=1)
    np.testing.assert_array_equal(largest, rows["score"].to_numpy().astype(np.float16))


def test_a_record_without_the_maps_that_are_wanted_is_computed_again(run_plates, out, observed):
    for maps, computed in (("none", True), ("final", True), ("none", False), ("final", False)):
        observed.clear()
        assert run_plates(*FINETUNE, "--maps", maps).code == 0
        assert observed == [1, 2, 3] * computed
    assert only(out).maps() is not None


def test_a_record_holds_no_place_and_no_name_of_this_machine_or_its_user(run_plates, out, tmp_path):
    assert run_plates("--experts", "2", *SMALL, "--maps", "all").code == 0
    places = {str(tmp_path), tmp_path.name, str(Path.cwd()), str(Path.home())}
    names = {name for name in (platform.node(), getpass.getuser()) if len(name) > 4}
    files = [path for path in only(out).path.iterdir() if path.name != "maps.npy"]
    assert len(files) == 5
    for file in files:
        content = file.read_bytes()
        if file.suffix == ".parquet":  # compressed
            content += pd.read_parquet(file).to_csv().encode()
        for secret in places | names:
            assert secret.encode() not in content, (secret, file)


@pytest.mark.parametrize("routing", ["oracle", "inferred"])
def test_image_and_continual_metrics_follow_from_the_scores_alone(run_plates, out, routing):
    from cadbench.results.metrics.compute import compute_metrics
    from cadbench.results.metrics.registry import PIXEL_METRICS

    assert run_plates("--experts", "2", *SMALL, "--routing", routing).code == 0
    record = only(out)
    again = compute_metrics(record.scores, record.experiences, routing, record.events)
    stored = record.metrics
    base = stored["metric"].str.split(".").str[0]
    stored = stored[~base.isin(PIXEL_METRICS)].reset_index(drop=True)
    assert {"acc", "bwt", "fm", "auroc"} <= set(stored["metric"])
    pd.testing.assert_frame_equal(again, stored, check_exact=True, check_dtype=False)


def test_a_commit_is_recorded_only_where_this_file_is_part_of_the_checkout(monkeypatch, tmp_path):
    import subprocess

    from cadbench.benchmark.running import recording

    somewhere = tmp_path / "project" / "venv" / "recording.py"
    somewhere.parent.mkdir(parents=True)
    somewhere.write_text("")
    for words in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit"]):
        more = ["--allow-empty", "-qm", "theirs"] if "commit" in words else []
        subprocess.run(["git", "-C", tmp_path / "project", *words, *more], check=True)
    monkeypatch.setattr(recording, "__file__", str(somewhere))
    assert recording.git_commit.__wrapped__() is None


@pytest.fixture
def long_parts(out: Path) -> None:
    """Parts of 8 to 1 in place of the plates; the center crop misses the defect of one of two."""
    generator = np.random.default_rng(0)
    root = out.with_name("plates")
    folders = {"train/good": 2, "test/good": 2, "test/bad": 2, "ground_truth/bad": 2}
    for folder, count in folders.items():
        (root / "a" / folder).mkdir(parents=True)
        for index in range(count):
            pixels = generator.integers(0, 99, (32, 256)).astype(np.uint8)
            if folder == "ground_truth/bad":
                pixels[:] = 0
                pixels[10:20, (20, 120)[index] :][:, :12] = 255
            Image.fromarray(pixels).save(root / "a" / folder / f"{index}.png")
    Image.fromarray(pixels).save(root / "a/train/good/0.heic", format="PNG")


def test_what_is_odd_about_the_data_is_warned_about_recorded_and_shown(
    long_parts, run_plates, call, out
):
    run = run_plates(*FINETUNE)
    assert run.code == 0, run.err
    expected = [
        "a: 1 file in a/train/good is not read: .heic is not the extension of an image",
        "a: cut off by the center crop: 90 % of 6 of 6 images; --resize pad or squash keeps "
        "everything",
        "a: 1 of 2 defective images shows no defect after the center crop (defect regions lost: "
        "1 of 2)",
    ]
    words = " ".join(run.err.split())
    assert [words.count(line) for line in expected] == [1, 1, 1]
    (record,) = by_cell(out).values()
    assert record.data_notes == expected
    assert [(n["kind"], n["count"], n["of"]) for n in record.run["data_notes"]] == [
        ("left out", 1, 0),
        ("cut off", 6, 6),
        ("lost defects", 1, 2),
    ]
    shown = call("show", record.key[:8], "--out", out)
    assert all(f"data: {line}" in shown.out for line in expected)
    table = call("table", "--out", out)
    assert f"data: {expected[0]} (and 2 more" in table.out
    report = out.with_name("report.html")
    assert call("report", "--out", out, "--to", report).code == 0
    assert "(defect regions lost: 1 of 2)" in report.read_text()


@pytest.mark.parametrize("mode", ["pad", "squash"])
def test_another_resize_keeps_every_defect_and_is_part_of_the_protocol(
    long_parts, run_plates, out, mode
):
    run = run_plates(*FINETUNE, "--resize", mode)
    assert run.code == 0, run.err
    (record,) = by_cell(out).values()
    assert record.protocol == f"plates-1x1-64-oracle-{mode}@1"
    assert record.cell["preprocessing"] == {"resize": 64, "crop": 64, "mode": mode}
    assert record.run["pixels"]["a"]["lost"] == 0
    again = run_plates(*FINETUNE, "--resize", mode)
    assert "1 reused" in again.out
