"""Boards as data: rows from records, merging, differences, findings, badges, and the page."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from cadbench.results.analysis.comparable import common_rows
from cadbench.results.analysis.rows import rows_of
from cadbench.results.errors import UsageError
from cadbench.results.leaderboard.badges import Checked, read_badges, write_checked
from cadbench.results.leaderboard.board_file import Difference, read_boards
from cadbench.results.leaderboard.publishing import files_to_publish, page_of
from cadbench.results.published.rows import load_published
from cadbench.results.records.record import Record
from cadbench.results.statistics.bootstrap import Bootstrap, percentiles
from cadbench.results.statistics.paired import paired

BEST = [[0.9, 0.5, 0.5], [0.9, 0.9, 0.5], [0.9, 0.9, 0.95]]
WORST = [[0.8, 0.5, 0.5], [0.6, 0.8, 0.5], [0.3, 0.4, 0.9]]
FINDING = """
[[board]]
board = "synthetic-1x3-224-oracle@1"
title = "Three drawn products"
text = "Drawn, not photographed."

[[finding]]
board = "synthetic-1x3-224-oracle@1"
one = "patchcore"
other = "mecad:experts=2"
expect = "higher"
text = "{one} beats {other}."
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "board"


def publish(records: list[Record], folder: Path) -> str:
    """Publish the records, write the files, and return the page."""
    files = files_to_publish(
        records,
        folder,
        (),
        lambda row: ({"threshold": 0.5}, f"cadbench run {row.first.method}"),
        "x",
    )
    for file, content in files.items():
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    return page_of(folder).read_text("utf-8")


def lines_of(page: str, name: str) -> list[list[str]]:
    """The cells of the lines of tables whose method begins with a name."""
    rows = ([c.strip() for c in line.split("|")[1:-1]] for line in page.splitlines())
    return [cells for cells in rows if len(cells) > 1 and cells[1].startswith(name)]


def test_rows_hold_what_a_reader_needs_and_publishing_again_changes_no_byte(
    make_record, folder
) -> None:
    runs = [make_record(R=WORST, seed=seed) for seed in (1, 0)]
    records = [*runs, make_record(method="joint", R=BEST, params={}, version="2")]
    page = publish(records, folder)
    (board,) = read_boards(folder)
    mecad, _ = sorted(board.rows, key=lambda row: row.reference)
    assert (board.dataset, board.manifest) == ("synthetic", "cd" * 32)
    assert (mecad.params, mecad.seeds) == ({"experts": 2}, [0, 1])
    assert mecad.records == sorted(record.key for record in runs)
    assert mecad.values["acc"].low < mecad.mean("acc") < mecad.values["acc"].high
    assert mecad.mean("acc") == pytest.approx(sum(mecad.categories.values()) / 3, abs=1e-6)
    assert "seconds" not in mecad.values
    assert mecad.versions == {"cadbench": "0.1.0"}
    assert board.ranked == [mecad]
    before = {file: file.read_bytes() for file in folder.iterdir()}
    assert publish(records[::-1], folder) == page
    assert before == {file: file.read_bytes() for file in folder.iterdir()}


def test_a_row_is_replaced_by_its_configuration_and_the_others_stay(make_record, folder) -> None:
    old = [make_record(R=WORST), make_record(method="patchcore", params={}, R=BEST)]
    publish(old, folder)
    newer = make_record(R=WORST, version="2", seed=1)
    publish([newer, make_record(method="ucad", params={}, manifest="ef" * 32)], folder)
    other, board = sorted(read_boards(folder), key=lambda board: len(board.rows))
    assert [row.method for row in other.rows] == ["ucad"]
    assert [row.method for row in board.rows] == ["patchcore", "mecad"]
    assert (board.rows[1].version, board.rows[1].records) == ("2", [newer.key])
    assert board.differences == []  # the records of the best row are not at hand
    assert [cells[0] for cells in lines_of(page_of(folder).read_text(), "MECAD")] == [
        "2&nbsp;?"
    ] * 2


def test_a_difference_is_that_of_compare_on_the_runs_of_both(make_record, folder) -> None:
    records = [make_record(R=WORST, seed=seed) for seed in (0, 1)]
    records += [make_record(method="patchcore", params={}, R=BEST, seed=seed) for seed in (1, 2)]
    page = publish(records, folder)
    (found,) = read_boards(folder)[0].differences
    pair = common_rows(rows_of(records))
    compared = paired(pair, "auroc", "final", "category")
    one, other = compared.replicates(Bootstrap())
    expected = (
        *(compared.units[0] - compared.units[1]).mean(keepdims=True),
        *percentiles(one - other),
    )
    assert found.runs == 1
    assert (found.difference, found.low, found.high) == pytest.approx(expected, abs=1e-6)
    assert found.excludes_zero
    assert lines_of(page, "MECAD")[0][0] == "2"


@pytest.mark.parametrize(
    ("low", "printed"),
    [
        (0.0161, "+0.034 [+0.016, +0.053]"),
        (0.0, "+0.034 [+0.000, +0.053]"),
        (0.0001, "+0.0340 [+0.0001, +0.0530]"),
        (-0.00002, "+0.03400 [-0.00002, +0.05300]"),
    ],
)
def test_a_bound_is_printed_as_0_only_if_it_is_0(low, printed) -> None:
    assert str(Difference("a", "b", 0.034, low, 0.053, 3)) == printed


def test_no_row_near_chance_is_the_best_of_its_size(make_record, folder) -> None:
    page = publish([make_record(R=WORST)], folder)
    assert "Best in 1 MB and 10 MB and 100 MB: none with an interval above 0.6." in page


def test_the_page_has_ten_rows_then_a_fold_and_marks_differences_that_may_be_0(
    make_record, folder
) -> None:
    records = [make_record(params={"experts": n, "threshold": 0.5}) for n in range(1, 12)]
    records += [make_record(method="joint", params={}), make_record(method="bad|one", R=WORST)]
    page = publish(records, folder)
    top, rest = page.split("2 more rows")
    assert len(lines_of(top, "MECAD")) == 10
    assert {cells[0][-1] for cells in lines_of(top, "MECAD")[1:]} == {"≈"}
    assert lines_of(top, "joint")[0][:2] == ["ref", "joint ¹"]
    assert "AUROC 0.800" in top
    assert re.search(
        r"The interval of the difference to it includes 0: MECAD \(experts=\d+\) ¹; ", top
    )
    assert "bad\\|one (experts=2) ¹" in rest
    assert re.search(r"\n# 3 MECAD \(experts=\d+\) ¹\ncadbench run mecad\n", rest)
    assert "](board/synthetic-1x3-224-oracle@1-" in rest
    assert max(line.count(" | ") for line in top.splitlines()) < 8


def test_a_finding_needs_its_rows_and_a_comparison_that_says_so(make_record, folder) -> None:
    records = [make_record(R=WORST), make_record(method="patchcore", params={}, R=BEST)]
    folder.mkdir()
    (folder / "page.toml").write_text(FINDING)
    page = publish(records, folder)
    assert (
        "1. PatchCore beats MECAD (experts=2).<br><sub>PatchCore − MECAD (experts=2): +0." in page
    )
    assert "## Three drawn products\n\nDrawn, not photographed.\n" in page
    before = {file: file.read_bytes() for file in folder.iterdir()}
    for old, new, message in (
        ('"higher"', '"lower"', r"expects lower, and the difference is \+0\."),
        ('"higher"', '"above"', r"page\.toml: finding\[0\]\.expect: expected one of higher"),
        ('one = "patchcore"', 'one = "patchcor"', "did you mean patchcore"),
        ('board = "synthetic', 'board = "real', "0 boards have the protocol"),
    ):
        (folder / "page.toml").write_text(FINDING.replace(old, new))
        with pytest.raises(UsageError, match=message):
            publish(records, folder)
    (folder / "page.toml").write_text(FINDING)
    assert before == {file: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-20], "is not JSON"),
        (lambda text: "[1]", "expected a table"),
        (lambda text: '{"a": 1}', "unknown key 'a'"),
        (
            lambda text: text.replace('"schema": 1', '"schema": 9'),
            "schema: expected one of 1, got 9",
        ),
        (lambda text: text.replace('"n": 1', '"n": "1"', 1), r"values\.\w.*\.n: expected a whole"),
        (lambda text: text.replace('"mean": 0', '"mean": NaN, "_": 0', 1), "NaN is no number"),
        (lambda text: text.replace('"mean": 0', '"mean": 1e999, "_": 0', 1), "1e999 is no number"),
        (lambda text: text.replace('"synthetic-1x3', '"real7-1x3', 1), "rename or delete"),
    ],
)
def test_a_damaged_or_foreign_file_is_one_clear_line(make_record, folder, change, message) -> None:
    records = [make_record()]
    publish(records, folder)
    (file,) = folder.glob("*.json")
    file.write_text(change(file.read_text()))
    with pytest.raises(UsageError, match=message):
        publish(records, folder)


def test_a_badge_names_what_a_method_lacks_and_is_of_one_version(make_record, folder) -> None:
    outcomes = dict.fromkeys(("determinism", "random_state", "test_order", "leakage"), "passed")
    outcomes |= {"memory": "failed", "inferred": "skipped"}
    write_checked(Checked("mecad", "1", "0.2.0", outcomes), folder)
    fine = Checked("a/b:C", "1", "0.2.0", {**outcomes, "memory": "passed"})
    assert json.loads(write_checked(fine, folder).read_text())["method"] == "a/b:C"
    assert read_badges(folder) == {("mecad", "1"): "not memory", ("a/b:C", "1"): "✓"}
    page = publish([make_record(), make_record(method="patchcore", version="2")], folder)
    assert lines_of(page, "MECAD")[0][-1] == "not memory"
    assert lines_of(page, "PatchCore")[0][-1] == "–"
    (folder / "checks" / "mecad.json").write_text("{}")
    with pytest.raises(UsageError, match=r"mecad\.json: method is missing"):
        read_badges(folder)


def test_a_row_names_its_backbone_if_most_rows_have_another(make_record, folder) -> None:
    records = [make_record(method=method, params={}) for method in ("replay", "ucad")]
    records += [make_record(method="replay", params={}, backbone="vit")]
    page = publish(records, folder)
    names = {cells[1] for cells in lines_of(page, "replay")}
    assert names == {"replay ¹", "replay (vit) ¹"}
    assert "backbone tf_efficientnet_lite0 concat unless a row names another" in page


def test_a_row_without_auroc_is_shown_and_not_ranked(make_record, folder) -> None:
    page = publish([make_record(R=[[math.nan] * 3] * 3, method="none"), make_record()], folder)
    assert [cells[0] for cells in lines_of(page, "none")] == ["–", "–"]
    assert "Best: MECAD (experts=2) ¹, AUROC 0.800." in page
    alone = publish([make_record(R=[[math.nan] * 3] * 3, method="none")], folder.with_name("b c"))
    assert "No row is ranked." in alone
    assert "](b%20c/" in alone


def test_published_numbers_are_folded_below_and_never_ranked(make_record, folder) -> None:
    files = files_to_publish([make_record()], folder, load_published(), lambda row: ({}, ""), "x")
    page = files[page_of(folder)].decode()
    top, below = page.split("## Published numbers")
    assert below.count("<details") == below.count("</details>") > 10
    assert "UCAD" not in top
    assert "leakage-flagged" in below
