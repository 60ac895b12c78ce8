"""`cadbench report` and `cadbench leaderboard --publish`: whole files, and one line otherwise."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cadbench.results.leaderboard.earlier_page import read_page
from cadbench.results.records.store import find_records
from cadbench.results.rendering.table import Spread

from tests.benchmark.cli.test_errors import assert_refused
from tests.benchmark.conftest import FINETUNE
from tests.results.report.conftest import data_of


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
    published = call("leaderboard", "--out", run, "--publish", tmp_path / "L.md", "--sort", "fm")
    assert (published.code, published.out.count("\n")) == (0, 1)
    report, page = Path("r.html").read_text("utf-8"), Path("L.md").read_text("utf-8")
    for text in (report, page):
        assert str(tmp_path) not in text
    assert data_of(report)["galleries"]
    assert "cadbench leaderboard --publish L.md --sort fm --out runs\n" in page


def rows_of(page: Path, method: str) -> list[str]:
    lines = page.read_text("utf-8").splitlines()
    return [line for line in lines if line.startswith("| repro") and f" {method} " in line]


def test_rows_without_local_records_stay_on_the_page_and_are_marked(
    call, dataset, cache, pixel_backbone, tmp_path
) -> None:
    runs, page = tmp_path / "runs", tmp_path / "L.md"
    words = ["run", "--data-root", dataset(), "--dataset", "folder", "--image-size", "64", "-q"]
    seeds = ["--seeds", "0-1", "--out", runs]
    call(*words, *seeds, "--method", "replay", "--method", "patchcore")
    call("leaderboard", "--out", runs, "--publish", page)
    (before,) = rows_of(page, "replay")
    for record in find_records(runs):
        if record.method == "replay":
            shutil.rmtree(record.path)
    call(*words, "--out", runs, "--method", "joint")
    assert call("leaderboard", "--out", runs, "--publish", page, "--keep-rows").code == 0
    for _ in range(2):  # the second time from a page that has such rows
        text = page.read_text("utf-8")
        (kept,) = rows_of(page, "replay")
        assert kept.split("|")[1].strip() == "reproduced earlier"
        cells = [[cell.strip() for cell in line.split("|")][2:] for line in (before, kept)]
        assert cells[0] == cells[1]
        assert len(rows_of(page, "patchcore")) == len(rows_of(page, "joint")) == 1
        assert "3 records of cadbench and 1 row of an earlier page" in text
        assert "--keep-rows\n" in text
        assert "- **reproduced earlier**: " in text
        call("leaderboard", "--out", runs, "--publish", page, "--keep-rows")
    call(*words, *seeds, "--method", "replay")
    call("leaderboard", "--out", runs, "--publish", page, "--keep-rows")
    assert [cell.strip() for cell in rows_of(page, "replay")[0].split("|")][1:5] == [
        cell.strip() for cell in before.split("|")
    ][1:5]
    assert "reproduced earlier" not in page.read_text("utf-8")


def test_a_leaderboard_without_local_records_is_kept(run, call, tmp_path) -> None:
    page = tmp_path / "L.md"
    call("leaderboard", "--out", run, "--publish", page)
    text = page.read_text("utf-8")
    page.write_text(text.replace(", oracle routing, data ", ", oracle routing, data 1234"))
    call("leaderboard", "--out", run, "--publish", page, "--keep-rows")
    tiers = [
        line.split("|")[1].strip() for line in page.read_text().splitlines() if "| repro" in line
    ]
    assert sorted(set(tiers)) == ["reproduced earlier", "reproduced here"]
    assert page.read_text().count(", oracle routing, data ") == 2


def test_rows_are_kept_of_a_published_page_only(run, call, tmp_path) -> None:
    page = tmp_path / "L.md"
    publish = ("leaderboard", "--out", run, "--publish", page, "--keep-rows")
    assert_refused(call("leaderboard", "--out", run, "--keep-rows"), 2, "--publish FILE")
    assert_refused(call(*publish), 2, "--keep-rows", "cannot read")
    page.write_text("# Something else\n")
    assert_refused(call(*publish), 2, "is no page of")
    page.write_text("## Run here\n\n### x\n\n| method | AUROC |\n|---|---|\n| a | 0.9 |\n")
    assert_refused(call(*publish), 2, "damaged")
    for column in ("AUROC", "bwt"):
        row = f"| method | {column} | records |\n|---|---|---|\n| a | good | 1234abcd |\n"
        page.write_text(f"## Run here\n\n### x\n\n{row}")
        assert_refused(call(*publish), 2, "damaged")
        assert page.read_text().endswith("| a | good | 1234abcd |\n")


def test_quoted_rows_of_an_earlier_page_are_never_taken_for_our_own() -> None:
    page = read_page(
        "## Run here\n\n### b\n\n"
        "| tier | method | AUROC[^1] | records | source |\n|---|---|---|---|---|\n"
        "| reproduced here | a\\|b | 0.9 ± 0.1 | 1234abcd | – |\n"
        "| published (secondary) | UCAD | 0.930 [1] | – | somewhere |\n",
        "L.md",
    )
    assert [row["method"] for row in page.boards["b"]] == ["a|b"]
    assert page.rows("b", ["acc"], ()) == [
        ("reproduced earlier", "a|b", "", "", Spread(0.9, 0.1, 2), "", "", "1234abcd")
    ]


def test_a_name_that_is_not_utf_8_is_shown_escaped(run, call, tmp_path) -> None:
    target = tmp_path / "r\udcff.html"
    assert call("report", "--out", run, "--to", target).code == 0
    assert "r\\udcff.html" in target.read_text("utf-8")
    page = tmp_path / "L\udcff.md"
    assert call("leaderboard", "--out", run, "--publish", page).code == 0
    assert "L\\udcff.md" in page.read_text("utf-8")


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
    assert_refused(call(*publish, target, "--format", "csv"), 2, "--publish", "--format")
    assert_refused(call(*publish, target, "--sort", "speed"), 2, "'speed'")
    assert_refused(call(*publish, tmp_path), 2, "--publish")
    assert_refused(call(*publish, ""), 1, "not a file")
    assert target.read_text() == "old"
