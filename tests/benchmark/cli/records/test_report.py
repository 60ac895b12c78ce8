"""`cadbench report` and `cadbench leaderboard --publish`: whole files, and one line otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cadbench.benchmark.conformance import report
from cadbench.benchmark.conformance.report import CHECKS, Report, Result
from cadbench.results.leaderboard.badges import read_badges
from cadbench.results.records.store import find_records

from tests.benchmark.cli.test_errors import assert_refused
from tests.benchmark.conftest import FINETUNE
from tests.results import conftest as of_results
from tests.results.report.conftest import data_of

make_record = of_results.make_record


@pytest.fixture
def run(run_plates, out) -> Path:
    """The folder of one record."""
    assert run_plates("-q", *FINETUNE).code == 0
    return out


def test_a_report_is_one_file_and_says_where_images_would_come_from(run, call, tmp_path) -> None:
    target = tmp_path / "made" / "report.html"
    called = call("report", "--out", run, "--to", target)
    assert called.code == 0
    assert str(target) in called.out
    assert called.err.count("\n") == 1
    assert "--images" in called.err
    (record,) = find_records(run)
    data = data_of(target.read_text("utf-8"))
    assert list(data["runs"]) == [record.key]
    assert data["galleries"] == []
    assert [file.name for file in target.parent.iterdir()] == ["report.html"]


def test_no_page_contains_a_folder_of_this_machine(run, call, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = ("--dataset", "folder", "--data-root", run.with_name("plates"))
    assert call("report", "--out", run, "--to", tmp_path / "r.html", "--images", *data).code == 0
    board = tmp_path / "ours"
    words = ("--out", run, "--publish", board, "--methods", "finetune")
    published = call("leaderboard", *words)
    assert (published.code, published.out.count("\n")) == (0, 1)
    report, page = Path("r.html").read_text("utf-8"), Path("OURS.md").read_text("utf-8")
    (data,) = board.iterdir()
    for text in (report, page, data.read_text("utf-8")):
        assert str(tmp_path) not in text
    assert data_of(report)["galleries"]
    assert "by `cadbench leaderboard --publish ours --methods finetune`" in page
    command = json.loads(data.read_text())["rows"][0]["command"]
    assert command.startswith("cadbench run --dataset folder --data-root plates --image-size 64")
    assert command in page
    words = command.replace("--data-root plates", f"--data-root {run.with_name('plates')}").split()
    assert call(*words[1:], "--out", run, "-q").code == 0
    assert len(find_records(run)) == 1  # the command computes the same run


def test_records_of_several_folders_are_published_together_and_added_later(
    call, make_record, tmp_path
) -> None:
    made = [make_record(), make_record(method="patchcore", params={})]
    other, board = tmp_path / "other", tmp_path / "board"
    shelf = other / made[1].path.parent.relative_to(tmp_path / "runs")
    shelf.parent.mkdir(parents=True)
    made[1].path.parent.rename(shelf)
    publish = ("leaderboard", "--publish", board, "--out")
    assert call(*publish, tmp_path / "runs", "--out", other).code == 0
    together = {file.name: file.read_bytes() for file in board.iterdir()}
    for out in (other, tmp_path / "runs"):
        assert call(*publish, out).code == 0
    assert together == {file.name: file.read_bytes() for file in board.iterdir()}
    assert json.loads(*together.values())["differences"]
    make_record(protocol="other@1")
    make_record(protocol="third@1")
    chosen = ("--protocol", "other@1,third@1")
    assert call(*publish, tmp_path / "runs", *chosen).out.startswith("2 records added")
    assert len(list(board.iterdir())) == 3


def test_check_adds_its_outcome_to_a_board(call, tmp_path, monkeypatch) -> None:
    outcomes = tuple(Result(check, "", "passed") for check in CHECKS)
    monkeypatch.setattr(report, "check_method", lambda *_, **__: Report("finetune", outcomes))
    board = tmp_path / "board"
    assert_refused(call("check", "finetune", "--publish", board, "--only", "memory"), 2, "--only")
    assert not board.exists()
    assert call("check", "finetune", "--publish", board).code == 0
    assert read_badges(board) == {("finetune", "1"): "✓"}


def test_what_a_board_holds_is_read_before_anything_is_written(call, make_record, tmp_path) -> None:
    make_record()
    board, words = tmp_path / "board", ("leaderboard", "--out", tmp_path / "runs", "--publish")
    board.mkdir()
    (board / "x.json").write_text('{"a": 1}')
    assert_refused(call(*words, board), 2, "x.json: unknown key")
    (board / "x.json").rename(board / "page.toml")
    assert_refused(call(*words, board), 2, "page.toml is not TOML")
    (board / "page.toml").unlink()
    (board / "checks").mkdir()
    (board / "checks" / "y.json").write_text("{")
    assert_refused(call(*words, board), 2, "y.json is not JSON")
    for name in (tmp_path / "L.md", ".", ".."):
        assert_refused(call(*words, name), 2, "--publish", "BOARD.md")
    assert [file.name for file in board.iterdir()] == ["checks"]
    assert not (tmp_path / "BOARD.md").exists()


def test_a_name_that_is_not_utf_8_is_shown_escaped(run, call, tmp_path) -> None:
    target = tmp_path / "r\udcff.html"
    assert call("report", "--out", run, "--to", target).code == 0
    assert "r\\udcff.html" in target.read_text("utf-8")
    assert call("leaderboard", "--out", run, "--publish", tmp_path / "l\udcff").code == 0
    assert "--publish 'l\\udcff'" in (tmp_path / "L\udcff.md").read_text("utf-8")


def test_what_cannot_be_done_is_one_line_and_leaves_the_old_file(run, call, tmp_path) -> None:
    assert_refused(call("report", "--out", tmp_path / "none"), 2, "no records in")
    target = tmp_path / "r.html"
    target.write_text("old")
    to = ("--out", run, "--to", target)
    assert_refused(call("report", *to, "--data-root", tmp_path), 2, "--images")
    assert_refused(call("report", *to, "--methods", "finetun"), 2, "did you mean finetune?")
    assert_refused(call("report", "--out", run, "--to", tmp_path), 2, "--to")
    assert_refused(call("report", "--out", run, "--to", target / "x.html"), 1, "cannot write")
    publish = ("leaderboard", "--out", run, "--publish")
    assert_refused(call(*publish, tmp_path / "b", "--format", "csv"), 2, "--publish", "--format")
    assert_refused(call(*publish, tmp_path / "b", "--sort", "fm"), 2, "--publish", "--sort")
    assert_refused(call(*publish, target), 2, "--publish")
    assert not (tmp_path / "b").exists()
    assert target.read_text() == "old"
