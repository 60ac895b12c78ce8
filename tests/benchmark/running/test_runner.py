"""The runner: what is computed, reused, resumed and waited for."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cadbench.benchmark.features.feature_set import FeatureSet
from cadbench.benchmark.running.evaluation import evaluator
from cadbench.results.records.record import Record
from cadbench.results.records.store import find_records

from tests.benchmark.conftest import FINETUNE, Called

Run = Callable[..., Called]


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
    assert "(2 computed, 0 reused)" in first.out
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    observed.clear()
    second = run_plates(*FINETUNE, "--seeds", "0-1")
    assert (second.code, observed) == (0, [])
    assert "(0 computed, 2 reused)" in second.out
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
    done = run_plates(*FINETUNE, "--seeds", "1")
    metrics = only(out).metrics
    acc, bwt = (
        metrics.loc[metrics["t"].isna() & (metrics["metric"] == name), "value"].item()
        for name in ("acc", "bwt")
    )
    line = f"finetune bank_budget=10, alphabetical, seed 1: acc {acc:.3f}, bwt {bwt:.3f} ("
    assert sum(said.startswith(line) for said in done.err.splitlines()) == 1


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
    assert "resuming after experience 2 of " in again.err
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
    from cadbench.methods.banks.finetune import FineTune

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


@pytest.mark.parametrize("damaged", [False, True])
def test_unfinished_work_is_used_unless_it_is_damaged(
    unfinished, run_plates, out, observed, tmp_path, damaged
):
    for file in (path for path in unfinished.rglob("*") if path.is_file() and damaged):
        file.write_bytes(file.read_bytes()[:-7])
    assert run_plates(*FINETUNE).code == 0
    assert observed == ([1, 2, 3] if damaged else [3])
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
    assert "(1 computed, 1 reused)" in mine.out
    assert finished[0].code == 0
    assert "(1 computed, 1 reused)" in finished[0].out
    assert len(by_cell(out)) == 2


# --- which cells


def test_the_first_experience_is_scored_before_the_others_are_extracted(run_plates, monkeypatch):
    events = []
    extract, score = FeatureSet.ensure, evaluator.score_columns

    def logged_extract(self, columns, *words, **options):
        events.append(("extract", *columns))
        return extract(self, columns, *words, **options)

    def logged_score(cell, method, columns, *words):
        events.append(("score", *columns))
        return score(cell, method, columns, *words)

    monkeypatch.setattr(FeatureSet, "ensure", logged_extract)
    monkeypatch.setattr(evaluator, "score_columns", logged_score)
    done = run_plates(*FINETUNE, "--seeds", "0-1")
    assert done.code == 0
    assert events[:3] == [
        ("extract", "apple", "bolt"),  # the next category is scored for forward transfer
        ("score", "apple", "bolt"),
        ("extract", "apple", "bolt", "cork"),
    ]
    assert sum(event[0] == "extract" for event in events) == 2
    assert done.err.count("first result, after experience 1 of 3: AUROC ") == 1
    assert "first result" not in run_plates(*FINETUNE, "--overwrite").err
