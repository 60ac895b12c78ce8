"""What is listed under a folder of records, and what a deletion removes and keeps."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from cadbench.results.records.inventory import delete_run, is_running, list_runs
from cadbench.results.records.store import find_records
from cadbench.results.storage.locks import record_lock


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def test_finished_runs_have_their_sizes_and_cells(make_record, out):
    make_record(seed=3, order="random:1", maps=np.zeros((63, 4, 4)))
    (run,) = list_runs(out)
    files = [file for file in run.path.iterdir() if file.is_file()]
    assert run.size == sum(file.stat().st_size for file in files)
    assert run.maps == (run.path / "maps.npy").stat().st_size
    assert (run.state, run.method, run.order, run.seed) == ("finished", "mecad", "random:1", "3")
    assert run.protocol == "synthetic-1x3-224-oracle@1"
    assert time.time() - run.modified < 60


def test_what_is_no_finished_run_is_listed_with_what_its_folder_says(make_record, out):
    record = make_record()
    broken = make_record(seed=1)
    (broken.path / "run.json").write_text("{")
    (record.path.parent / "seed-2.partial").mkdir()
    (record.path.parent / ".seed-3.0a1b.deleted.partial").mkdir()
    runs = {run.state: run for run in list_runs(out)}
    assert set(runs) == {"finished", "unreadable", "unfinished", "leftover"}
    assert "run.json" in runs["unreadable"].problem
    for run in runs.values():
        assert run.method == "mecad"
        assert run.protocol == "synthetic-1x3-224-oracle@1"
    assert runs["unfinished"].seed == "2"
    assert runs["unfinished"].key == ""
    assert list_runs(out / "missing") == []


def test_a_run_matches_its_key_method_and_path(make_record, out):
    record = make_record()
    (run,) = list_runs(out)
    folder = record.path.relative_to(out).as_posix()
    for ref in (record.key, record.key[:4], record.run["config_key"][:8], "mecad", folder):
        assert run.matches(ref)
    for ref in (str(record.path), str(record.path.parent), "seed-0"):
        assert run.matches(ref)
    for ref in (
        record.key[:3],
        record.key[1:9],
        "meca",
        "",
        ".",
        "..",
        str(out),
        str(out.parent),
        "/",
    ):
        assert not run.matches(ref)


def test_deleting_the_last_run_of_a_folder_deletes_the_folder(make_record, out):
    record, other = make_record(), make_record(seed=1)
    with record_lock(record.path, wait=False):
        pass
    first, second = list_runs(out)
    assert delete_run(first)
    assert os.listdir(record.path.parent) == ["seed-1"]
    assert [found.key for found in find_records(out)] == [other.key]
    assert delete_run(second)
    assert os.listdir(out) == []


def test_a_locked_run_is_kept(make_record, out):
    make_record()
    (run,) = list_runs(out)
    assert not is_running(run)
    with record_lock(run.final, wait=False):
        assert is_running(run)
        assert not delete_run(run)
    assert find_records(out)
    assert not is_running(run)


def test_a_run_that_another_process_has_deleted_is_no_error(make_record, out):
    make_record()
    (run,) = list_runs(out)
    assert delete_run(run)
    assert delete_run(run)


def test_the_lock_of_a_run_stays_while_it_is_unfinished(make_record, out):
    record = make_record()
    partial = record.path.with_name("seed-0.partial")
    partial.mkdir()
    finished, unfinished = list_runs(out)
    assert finished.final == unfinished.final == record.path
    assert delete_run(finished)
    assert sorted(os.listdir(partial.parent)) == [".seed-0.lock", "seed-0.partial"]
    assert delete_run(unfinished)
    assert os.listdir(out) == []


def test_leftovers_are_deleted_after_an_hour(make_record, out):
    leftover = make_record().path.with_name(".seed-0.ab12.replaced.partial")
    leftover.mkdir()
    assert not delete_run(list_runs(out)[0])
    os.utime(leftover, (0, time.time() - 2 * 3600))
    assert delete_run(list_runs(out)[0])
    assert [run.state for run in list_runs(out)] == ["finished"]


def test_a_run_that_has_written_nothing_yet_is_listed_while_its_lock_is_held(make_record, out):
    folder = make_record().path.with_name("seed-1")
    with record_lock(folder, wait=False):
        finished, running = list_runs(out)
        assert (running.state, running.method, running.seed) == ("unfinished", "mecad", "1")
        assert is_running(running)
    assert list_runs(out) == [finished]
