"""The runner: what is computed, reused, resumed and waited for, and what a record then holds."""

from __future__ import annotations

import errno
import getpass
import json
import os
import platform
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from results.record import Record
from results.store import find_records
from tests.benchmark.conftest import FINETUNE, SMALL, Called

Run = Callable[..., Called]


@pytest.fixture
def observed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The experiences that `finetune` is shown, in order."""
    from methods.finetune import FineTune

    seen: list[int] = []
    original = FineTune.observe

    def observe(self: Any, experience: Any) -> None:
        seen.append(experience.index)
        original(self, experience)

    monkeypatch.setattr(FineTune, "observe", observe)
    return seen


def only(out: Path) -> Record:
    (record,) = find_records(out)
    return record


def by_cell(out: Path) -> dict[str, Record]:
    """The records by key, each found whole."""
    records = find_records(out, warn=pytest.fail)
    for record in records:
        record.verify()
    return {record.key: record for record in records}


def assert_same_numbers(one: Record, other: Record) -> None:
    for table in ("scores", "metrics", "memory", "events"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table), check_exact=True)
    np.testing.assert_array_equal(one.maps(), other.maps())


def test_a_second_run_reuses_every_record_and_shows_the_method_nothing(run_plates, out, observed):
    first = run_plates(*FINETUNE, "--seeds", "0-1")
    assert first.code == 0
    assert observed == [1, 2, 3, 1, 2, 3]
    assert "2 records (2 computed)" in first.out
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    observed.clear()
    second = run_plates(*FINETUNE, "--seeds", "0-1")
    assert (second.code, observed) == (0, [])
    assert "2 records (0 computed, 2 from before)" in second.out
    assert written == {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}


def test_overwrite_computes_again_and_gets_the_same_numbers(run_plates, out, observed, tmp_path):
    run_plates(*FINETUNE)
    kept = only(out).path.rename(tmp_path / "kept")
    run_plates(*FINETUNE)
    observed.clear()
    assert run_plates(*FINETUNE, "--overwrite").code == 0
    assert observed == [1, 2, 3]
    assert_same_numbers(only(out), only(kept))


def test_each_computed_cell_gets_a_line_with_its_figures(run_plates, out):
    done = run_plates(*FINETUNE, "--seeds", "0-1")
    metrics = only_metrics(by_cell(out), seed=1)
    figures = f"acc {metrics['acc']:.3f}, bwt {metrics['bwt']:.3f} ("
    line = f"finetune bank_budget=10, alphabetical, seed 1: {figures}"
    assert sum(said.startswith(line) for said in done.err.splitlines()) == 1


def only_metrics(records: dict[str, Record], *, seed: int) -> dict[str, float]:
    (record,) = [record for record in records.values() if record.seed == seed]
    whole = record.metrics[record.metrics["t"].isna()]
    return dict(zip(whole["metric"], whole["value"], strict=True))


# --- killed, interrupted by a full disk, damaged


def test_a_killed_run_goes_on_after_its_last_finished_experience_and_ends_alike(
    child, run_plates, out, observed, tmp_path
):
    running = child("observe:3", *FINETUNE)
    running.wait_for("held observe:3")
    running.signal(signal.SIGKILL)
    assert running.end().code == -signal.SIGKILL
    assert not find_records(out)
    (lock,) = out.rglob("*.lock")
    again = run_plates(*FINETUNE)
    assert again.code == 0, again.err
    assert "going on after experience 2" in again.err
    assert observed == [3]
    assert lock.exists(), "the killed process held this, and it did not block"
    assert "another process" not in again.err
    assert not list(out.rglob("*.partial"))
    whole = tmp_path / "whole"
    assert run_plates(*FINETUNE, "--out", whole).code == 0
    assert_same_numbers(only(out), only(whole))
    for name in ("scores.parquet", "metrics.parquet", "memory.parquet", "maps.npy"):
        assert (only(out).path / name).read_bytes() == (only(whole).path / name).read_bytes()


@pytest.fixture
def unfinished(run_plates: Run, out: Path, observed: list[int], monkeypatch: Any) -> Path:
    """The work of a run that was interrupted when it had finished two experiences."""
    from methods.finetune import FineTune

    original = FineTune.observe

    def observe(self: Any, experience: Any) -> None:
        if experience.index == 3:
            raise KeyboardInterrupt
        original(self, experience)

    with monkeypatch.context() as interrupted:
        interrupted.setattr(FineTune, "observe", observe)
        assert run_plates(*FINETUNE).code == 1
    assert not find_records(out)
    observed.clear()
    (partial,) = out.rglob("*.partial")
    return partial


@pytest.mark.parametrize("damage", ["none", "truncated", "altered"])
def test_unfinished_work_is_used_unless_it_is_damaged(
    unfinished, run_plates, out, observed, tmp_path, damage
):
    for file in (path for path in unfinished.rglob("*") if path.is_file()):
        content = file.read_bytes()
        middle = len(content) // 2
        altered = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        file.write_bytes({"none": content, "truncated": content[:-7], "altered": altered}[damage])
    assert run_plates(*FINETUNE).code == 0
    assert observed == ([3] if damage == "none" else [1, 2, 3])
    assert run_plates(*FINETUNE, "--out", tmp_path / "whole").code == 0
    assert_same_numbers(only(out), only(tmp_path / "whole"))


def test_unfinished_work_of_another_cell_in_the_same_place_is_ignored(
    unfinished, run_plates, observed
):
    unfinished.rename(unfinished.with_name("seed-1.partial"))
    assert run_plates(*FINETUNE, "--seeds", "1").code == 0
    assert observed == [1, 2, 3]


def test_a_record_that_was_whole_when_its_process_was_killed_is_moved_to_its_place(
    run_plates, out, observed
):
    run_plates(*FINETUNE)
    final = only(out).path
    final.rename(final.with_name(f"{final.name}.partial"))
    observed.clear()
    assert run_plates(*FINETUNE).code == 0
    assert observed == []
    only(out).verify()
    assert [path.name for path in final.parent.iterdir() if "partial" in path.name] == []


@pytest.mark.parametrize("name", ["run.json", "scores.parquet", "maps.npy"])
def test_a_damaged_record_in_the_way_is_one_line_that_names_overwrite(run_plates, out, name):
    run_plates(*FINETUNE)
    file = only(out).path / name
    file.write_bytes(file.read_bytes()[:-9])
    refused = run_plates(*FINETUNE, "-q")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.count("\n") == 1
    assert "--overwrite" in refused.err
    assert str(file.parent) in refused.err
    assert run_plates(*FINETUNE, "--overwrite").code == 0
    only(out).verify()


@pytest.mark.parametrize("file", ["", "scores.parquet", "maps.npy", "run.json", "seed-0"])
def test_a_full_disk_is_one_line_and_the_same_command_then_goes_on(
    run_plates, out, observed, tmp_path, monkeypatch, file
):
    """The disk is full when this file (or the first one below --out) is to appear."""
    replace = os.replace

    def replace_or_fail(source: Any, target: Any) -> None:
        if out in Path(target).parents and file in ("", Path(target).name):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    with monkeypatch.context() as full:
        full.setattr(os, "replace", replace_or_fail)
        failed = run_plates(*FINETUNE, "-q")
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.startswith("error: no space left while writing")
    assert failed.err.count("\n") == 1
    assert not find_records(out)
    observed.clear()
    assert run_plates(*FINETUNE).code == 0
    assert observed == ([] if file else [1, 2, 3])
    assert run_plates(*FINETUNE, "--out", tmp_path / "whole").code == 0
    assert_same_numbers(only(out), only(tmp_path / "whole"))


def test_a_place_that_cannot_be_written_is_one_line(run_plates, out, monkeypatch):
    make = Path.mkdir

    def refuse(self: Path, *options: Any, **named: Any) -> None:
        if out in (self, *self.parents):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        make(self, *options, **named)

    monkeypatch.setattr(Path, "mkdir", refuse)
    failed = run_plates(*FINETUNE, "-q")
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.startswith(f"error: cannot write {out}")
    assert "--out" in failed.err
    assert failed.err.count("\n") == 1
    assert not out.exists()


# --- two at once


def test_of_two_processes_at_once_the_second_waits_and_reuses(child, run_plates, out):
    methods = (*FINETUNE, "--method", "per_category", "--set", "per_category.class_budget=10")
    other = child("observe:2", *methods)
    other.wait_for("held observe:2")
    finished: list[Called] = []
    goes_on = threading.Timer(1.0, lambda: finished.append(other.end()))
    goes_on.start()
    mine = run_plates(*methods)
    goes_on.join()
    assert mine.code == 0, mine.err
    said = [line for line in mine.err.splitlines() if "another process" in line]
    assert len(said) == 1
    assert said[0].startswith("finetune bank_budget=10, alphabetical, seed 0: ")
    assert "2 records (1 computed, 1 from before)" in mine.out
    assert finished[0].code == 0
    assert "2 records (1 computed, 1 from before)" in finished[0].out
    assert len(by_cell(out)) == 2


# --- which cells


def test_match_memory_gives_every_baseline_what_mecad_stores_for_each_order_and_seed(
    run_plates, out
):
    factors = ("--order", "alphabetical,random:1", "--seeds", "2")
    baselines = ("patchcore", "replay", "joint", "finetune", "per_category")
    methods = [word for name in ("mecad", *baselines) for word in ("--method", name)]
    budgets = ("patchcore.class_budget=20", "replay.class_budget=5", "joint.candidates=20")
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
        if record.method == "per_category":
            assert record.params["class_budget"] == budget // 3
        else:
            assert record.params["bank_budget"] == budget
        if record.method == "patchcore":
            assert stored_vectors(record) == budget


def stored_vectors(record: Record) -> int:
    last = record.memory[record.memory["experience"] == 3]
    return int(last[last["expert"] == -1]["stored_vectors"].iloc[0])


def test_shards_together_are_the_whole(run_plates, out, tmp_path):
    cells = (*FINETUNE, "--method", "mecad", "--experts", "1-2", *SMALL)
    for shard in ("1/2", "2/2"):
        assert run_plates(*cells, "--shard", shard).code == 0
    whole = tmp_path / "whole"
    assert run_plates(*cells, "--out", whole).code == 0
    parts, together = by_cell(out), by_cell(whole)
    assert parts.keys() == together.keys()
    assert len(parts) == 3
    for key, record in parts.items():
        assert_same_numbers(record, together[key])


def test_a_shard_without_cells_says_so(run_plates, out):
    done = run_plates(*FINETUNE, "--shard", "2/2")
    assert (done.code, done.out) == (0, "")
    assert "--shard 2/2 holds no cell" in done.err
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
    chosen = (*chosen, "--schedule", "2-1", "--routing", "inferred", "--unseen", "all")
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
    again = call(*without_size, "--cells", file, "--shard", "1/3")
    assert "1 records (0 computed, 1 from before)" in again.out
    assert run_plates(*chosen, "--dry-run").out.splitlines()[-1] == "4 cells"


def test_cells_know_their_categories(run_plates, run_words, call, out, tmp_path):
    written = run_plates(*FINETUNE, "--categories", "cork,apple", "--dry-run", "--format", "json")
    file = tmp_path / "cells.json"
    file.write_text(written.out)
    without_size = [word for word in run_words if word not in ("--image-size", "64")]
    assert call(*without_size, "--cells", file).code == 0
    assert only(out).categories == ["apple", "cork"]


def test_a_dry_run_lists_the_cells_that_a_run_then_records(run_plates, out):
    chosen = (*FINETUNE, "--method", "mecad", *SMALL, "--experts", "1,3")
    listed = run_plates(*chosen, "--dry-run").out.splitlines()
    run_plates(*chosen)
    assert {line[:8] for line in listed[:-1]} == {key[:8] for key in by_cell(out)}


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
    from results.evaluate import PIXEL_BASES, compute_metrics

    assert run_plates("--experts", "2", *SMALL, "--routing", routing).code == 0
    record = only(out)
    again = compute_metrics(record.scores, record.experiences, routing, record.events)
    stored = record.metrics
    base = stored["metric"].str.split(".").str[0]
    stored = stored[~base.isin(PIXEL_BASES)].reset_index(drop=True)
    assert {"acc", "bwt", "fm", "auroc"} <= set(stored["metric"])
    pd.testing.assert_frame_equal(again, stored, check_exact=True, check_dtype=False)


def test_a_final_auroc_is_that_of_the_recorded_scores_and_labels(run_plates, out):
    from sklearn.metrics import roc_auc_score

    assert run_plates(*FINETUNE).code == 0
    record = only(out)
    for (experience, category), rows in record.scores.groupby(["experience", "category"]):
        metrics = record.metrics
        here = (metrics["t"] == experience) & (metrics["category"] == category)
        (stored,) = metrics[here & (metrics["metric"] == "auroc")]["value"]
        assert stored == pytest.approx(roc_auc_score(rows["label"], rows["score"]), abs=1e-12)


def test_a_commit_is_recorded_only_where_this_file_is_part_of_the_checkout(monkeypatch, tmp_path):
    import subprocess

    from benchmark import recording

    somewhere = tmp_path / "project" / "venv" / "recording.py"
    somewhere.parent.mkdir(parents=True)
    somewhere.write_text("")
    for words in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit"]):
        more = ["--allow-empty", "-qm", "theirs"] if "commit" in words else []
        subprocess.run(["git", "-C", tmp_path / "project", *words, *more], check=True)
    monkeypatch.setattr(recording, "__file__", str(somewhere))
    assert recording.git_commit.__wrapped__() is None
