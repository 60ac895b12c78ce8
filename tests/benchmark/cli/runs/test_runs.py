"""`cadbench runs`: what is listed, what is deleted, and what a running process keeps."""

from __future__ import annotations

import csv
import io
import json
import signal
from pathlib import Path

import pytest
from cadbench.results.records.store import find_records

from tests.benchmark.conftest import FINETUNE
from tests.results.conftest import make_record  # noqa: F401  (a fixture)


@pytest.fixture
def recorded(make_record, out: Path) -> Path:  # noqa: F811
    """Three rows of mecad, one with two seeds, and one row of another protocol."""
    for experts in (9, 10):
        make_record(params={"experts": experts, "threshold": 0.5})
    make_record(params={"experts": 2, "threshold": 0.5})
    make_record(params={"experts": 2, "threshold": 0.5}, seed=1)
    make_record(method="patchcore", params={"bank_budget": 9}, routing="inferred")
    return out


def listed(out: str) -> list[dict[str, str]]:
    """Rows of the CSV tables."""
    return [
        row for table in out.split("\n\n") for row in csv.DictReader(io.StringIO(table.strip()))
    ]


def keys(out: Path) -> set[str]:
    return {record.key for record in find_records(out)}


def test_ls_lists_runs_by_protocol_with_their_parameters(call, recorded):
    out = call("runs", "ls", "--out", recorded).out
    assert "### synthetic-1x3-224-oracle@1: 4 runs (" in out
    assert "### synthetic-1x3-224-inferred@1: 1 run (" in out
    rows = [line.split("|") for line in out.splitlines() if "| mecad" in line]
    parameters = [row[3].strip() for row in rows]
    assert [text.partition(",")[0] for text in parameters] == [
        "experts=2", "experts=2", "experts=9", "experts=10",
    ]  # fmt: skip
    assert {row[1].strip() for row in rows} < {key[:8] for key in keys(recorded)}
    assert "state" not in out  # all are finished


def test_ls_filters_by_method_and_protocol_and_writes_json(call, recorded):
    found = json.loads(
        call("runs", "ls", "--method", "patchcore", "--format", "json", "--out", recorded).out
    )
    assert [(run["method"], run["seed"], run["state"]) for run in found] == [
        ("patchcore", 0, "finished")
    ]
    assert found[0]["params"] == {"bank_budget": 9}
    assert found[0]["bytes"] > 0
    assert (recorded / found[0]["path"]).is_dir()
    words = ("--protocol", "synthetic-1x3-224-inferred@1", "--format", "csv")
    out = call("runs", "ls", *words, "--out", recorded).out
    assert [row["method"] for row in listed(out)] == ["patchcore"]


def test_show_is_cadbench_show(call, recorded):
    key = find_records(recorded)[0].key[:8]
    shown = call("runs", "show", key, "--out", recorded)
    assert (shown.code, shown.out) == (0, call("show", key, "--out", recorded).out)


def test_du_sums_by_protocol_and_method(call, recorded):
    rows = listed(call("runs", "du", "--format", "csv", "--out", recorded).out)
    assert [(row["method"], row["runs"], row["unfinished"]) for row in rows] == [
        ("mecad", "4", "0"), ("patchcore", "1", "0"), ("", "5", "0"),
    ]  # fmt: skip


def test_rm_deletes_keys_rows_and_methods(call, recorded):
    wanted = {record.key: record for record in find_records(recorded)}
    nine = next(key for key, record in wanted.items() if record.params.get("experts") == 9)
    done = call("runs", "rm", nine[:8], "mecad:experts=2", "--out", recorded, "--yes")
    assert done.code == 0, done.err
    assert "deleted 3 runs (" in done.out
    left = find_records(recorded)
    assert sorted((r.method, r.params.get("experts")) for r in left if r.method == "mecad") == [
        ("mecad", 10)
    ]
    assert call("runs", "rm", "patchcore", "--out", recorded, "-y").code == 0
    assert {record.method for record in find_records(recorded)} == {"mecad"}
    assert call("runs", "rm", "all", "--out", recorded, "-y").code == 0
    assert list(recorded.iterdir()) == []


def test_rm_deletes_nothing_without_an_answer_or_in_a_dry_run(call, recorded):
    before = keys(recorded)
    done = call("runs", "rm", "mecad", "--out", recorded)
    assert done.code == 2
    assert "there is no terminal to ask on; pass --yes to delete 4 runs (" in done.err
    done = call("runs", "rm", "mecad", "--dry-run", "--out", recorded)
    assert done.out.splitlines()[-1].startswith("dry run: 4 runs (")
    assert keys(recorded) == before


def test_rm_skips_what_is_locked_with_one_line(call, recorded):
    from cadbench.results.storage.locks import record_lock

    locked = find_records(recorded)[0]
    with record_lock(locked.path, wait=False):
        done = call("runs", "rm", "all", "--out", recorded, "--yes")
    assert f"({locked.key[:8]}): another process is writing it\ndeleted 4 runs (" in done.out
    assert keys(recorded) == {locked.key}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rm"], "name the runs to delete: KEY, ROW or all, or --unfinished"),
        (["rm", "mecda"], "'mecda' matches no run (did you mean mecad?); `cadbench runs ls`"),
        (["rm", "mecad:experts=3"], "no row has the settings 'experts=3'"),
        (["ls", "--method", "mecda"], "--method: no run has 'mecda' (did you mean mecad?)"),
        (["du", "--protocol", "other"], "--protocol: no run has 'other'"),
        (["lx"], "No such command 'lx'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(call, recorded, words, message):
    where = [] if words == ["lx"] else ["--out", recorded]
    done = call("runs", *words, *where)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert message in done.err


def test_an_empty_folder_says_what_to_do(call, tmp_path):
    done = call("runs", "ls", "--out", tmp_path)
    assert done.code == 2
    assert done.err == (
        f"error: no runs in {tmp_path}; create some with `cadbench run`, or choose the folder "
        "with --out\n"
    )


def test_a_running_run_is_listed_and_kept_and_a_killed_one_is_deleted(child, call, out, run_words):
    running = child("observe:1,observe:2", *FINETUNE, "-q")
    running.wait_for("held observe:1")
    (run,) = json.loads(call("runs", "ls", "--format", "json", "--out", out).out)
    assert (run["state"], run["experiences"]) == ("running", None)
    assert run["params"]["bank_budget"] == 10
    running.signal(signal.SIGINT)
    running.wait_for("ended 1")
    assert call("runs", "ls", "--out", out).err.startswith(f"error: no runs in {out}")
    running.wait_for("held observe:2")
    (run,) = json.loads(call("runs", "ls", "--format", "json", "--out", out).out)
    assert (run["state"], run["experiences"]) == ("running", 1)
    assert run["params"]["bank_budget"] == 10
    done = call("runs", "rm", "--unfinished", "--yes", "--out", out)
    assert "another process is writing it\nnothing was deleted" in done.out
    running.signal(signal.SIGKILL)
    running.process.communicate()
    assert "unfinished, 1 experience done" in call("runs", "ls", "--out", out).out
    done = call("runs", "rm", "finetune", "--out", out)
    assert done.out.startswith("kept: 1 unfinished run (")
    assert "--unfinished deletes these too\nnothing to delete in" in done.out
    assert call("runs", "rm", run["key"][:8], "--unfinished", "--yes", "--out", out).code == 0
    assert list(out.iterdir()) == []
