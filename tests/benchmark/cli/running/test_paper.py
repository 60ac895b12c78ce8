"""`cadbench paper` and published rows in tables: what runs, is compared and is refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.benchmark.cli.test_errors import assert_refused
from tests.results.paper_runs import PAPER, write_paper_run

EMBEDDED = ("--backbone", "tf_efficientnet_lite0")


@pytest.fixture
def plates_of_mvtec(plates, pixel_backbone) -> Path:
    """Drawn plates that bear three names of MVTec AD."""
    root: Path = plates(categories=("bottle", "screw", "zipper"))
    return root


@pytest.fixture
def recorded(out: Path) -> Path:
    """Records of the paper's own assignment, at two readings of equation 1."""
    for reading in ("categories", "memory"):
        write_paper_run(out, expert_centroid=reading)
    return out


def test_the_papers_configuration_is_what_runs(call, plates_of_mvtec, out):
    words = ("paper", "mecad", "--data-root", plates_of_mvtec, *EMBEDDED, "--out", out)
    listed = call(*words, "--dry-run").out.splitlines()
    assert listed[-1].startswith("48 cells:")
    assert sum("expert_centroid=memory" in line for line in listed) == 16
    assert sum("categories_per_expert=5" in line for line in listed) == 48
    assert not out.exists()


def test_a_run_is_recorded_compared_and_reused(call, plates_of_mvtec, out):
    from cadbench.results.records.store import find_records

    words = ("paper", "mecad", "--data-root", plates_of_mvtec, *EMBEDDED, "--out", out)
    words += ("--set", "mecad.update=union", "--set", "mecad.expert_centroid=categories,memory")
    done = call(*words, "--experts", "2,5", "--device", "cpu")
    assert done.code == 0, done.err
    assert "(4 computed, 0 reused)" in done.err
    for title in ("AUROC: MECAD", "Forgetting: ", "Memory at 5", "Agreement of", "Claims"):
        assert f"### {title}" in done.out
    assert "### Claims by reading: " in done.out
    assert done.out.count("3 of 15 categories (bottle, screw, zipper)") >= 7
    assert len(find_records(out)) == 4
    again = call(*words, "--experts", "2,5", "--device", "cpu")
    assert "(0 computed, 4 reused)" in again.err
    assert again.out == done.out
    words = ("--set", "mecad.update=union", "--set", "mecad.expert_centroid=categories,memory")
    compared = call("paper", "mecad", "--compare-only", "--out", out, "--experts", "2,5", *words)
    assert compared.out == done.out
    assert "warning: not the paper's configuration: features tf_eff" in compared.err


def test_another_interpretation_of_the_paper_can_be_set(call, plates_of_mvtec, out):
    words = ("paper", "mecad", "--data-root", plates_of_mvtec, *EMBEDDED, "--out", out)
    more = ("--set", "mecad.replay=full", "--set", "mecad.categories_per_expert=6")
    listed = call(*words, "--dry-run", *more).out.splitlines()
    assert listed[-1].startswith("48 cells:")
    assert all("replay=full" in line for line in listed if "mecad " in line and "missing" in line)


def test_recorded_runs_are_compared_without_data_or_weights(call, recorded):
    shown = call("paper", "mecad", "--compare-only", "--out", recorded)
    assert (shown.code, shown.err) == (0, "")
    row = "| expert_centroid=categories, update=union |       5 | 0.7800 | 0.8259 |    -0.0459 |"
    assert row in shown.out
    assert "not the paper's configuration" not in shown.out
    tables = call("paper", "mecad", "--compare-only", "--out", recorded, "--format", "csv").out
    agreement = next(part for part in tables.split("\n\n") if "adjusted Rand index" in part)
    (first, second) = csv.DictReader(io.StringIO(agreement))
    assert float(first["adjusted Rand index"]) == float(second["adjusted Rand index"]) == 1


def test_only_records_of_the_configuration_are_compared(call, recorded):
    write_paper_run(recorded, replay="full")
    write_paper_run(recorded, seed=1)
    write_paper_run(recorded, {name: PAPER[name] for name in ("carpet", "screw")})
    words = ("paper", "mecad", "--compare-only", "--out", recorded)
    assert "replay" not in call(*words).out
    assert call(*words).out.count("### AUROC: ") == 2
    whole = call(*words, "--seeds", "0", "--categories", ",".join(PAPER)).out
    assert whole.count("### AUROC: ") == 1
    assert "± " not in whole
    full = call(*words, "--set", "mecad.replay=full").out
    assert "replay=full instead of random" in full


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mecda"], ["'mecda'", "did you mean mecad?"]),
        (["ucad", "--dry-run"], ["'ucad'", "available: mecad"]),
        (["mecad", "--experts", "0"], ["at least 1"]),
        (["mecad", "--seeds", "x"], ["--seeds", "'x'"]),
        (["mecad", "--set", "mecad.treshold=0.5"], ["did you mean threshold?"]),
        (["mecad", "--set", "joint.bank_budget=9"], ["joint is not among the methods"]),
        (["mecad", "--compare-only", "--dry-run"], ["--dry-run and --compare-only exclude"]),
        (["mecad", "--compare-only", "--random-weights"], ["--random-weights and --compare-only"]),
        (["mecad", "--compare-only"], ["no records in"]),
        (["mecad", "--categories", "botle"], ["did you mean bottle?"]),
        (["mecad", "--weights", "none.pth"], ["--weights: no such file: none.pth"]),
        ([], ["PAPER"]),
    ],
    ids=" ".join,
)
def test_a_wrong_word_is_wrong_usage_in_one_line(call, tmp_path, words, said):
    assert_refused(call("paper", *words, "--out", tmp_path / "runs"), 2, *said)


def test_records_of_something_else_are_not_compared(call, out):
    write_paper_run(out, categories_per_expert=4)
    refused = call("paper", "mecad", "--compare-only", "--out", out)
    assert_refused(refused, 2, "no records of this configuration", "without --compare-only")


def test_without_the_data_or_the_weights_the_known_errors_say_what_to_do(
    call, tmp_path, plates_of_mvtec, monkeypatch
):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    words = ("paper", "mecad", "-q", "--out", tmp_path / "runs")
    assert_refused(
        call(*words, "--data-root", tmp_path / "none"), 1, "MVTec AD not found", "www.mvtec"
    )
    refused = call(*words, "--data-root", plates_of_mvtec)
    assert refused.code == 1
    assert "error: the weights of wide_resnet50_2" in refused.err
    assert "--weights FILE" in refused.err


def test_published_rows_appear_in_the_main_table_on_request(call, recorded):
    shown = call("table", "--out", recorded, "--published")
    assert shown.code == 0
    for said in ("| this run ", "| arXiv:2512.15323 [", "printed forgetting", "not stated"):
        assert said in shown.out
    assert "- [1] " in shown.out
    assert "this run" not in call("table", "--out", recorded).out
    for kind in ("experts", "per-category"):
        assert "arXiv:2512.15323" in call("table", kind, "--out", recorded, "--published").out


def test_all_published_rows_need_no_records(call, tmp_path):
    shown = call("table", "published", "--out", tmp_path)
    assert shown.code == 0
    assert "### Claims: mvtec, 14-1, image_auroc acc_incremental of max(v, 1 - v)" in shown.out
    assert "secondary, leakage" in shown.out
    assert "not run here" in shown.out
    assert call("table", "published", "--format", "csv").out.startswith("method,claim")


@pytest.mark.parametrize(
    "words",
    [["--methods", "mecad"], ["--columns", "acc"], ["--allow-mixed"], ["--published"]],
    ids=" ".join,
)
def test_options_that_select_records_are_refused_for_published_rows(call, words):
    assert_refused(call("table", "published", *words), 2, words[0], "tables of records")


def test_a_terminal_table_separates_own_and_published_rows(call, recorded, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    lines = call("table", "--out", recorded, "--published").out.splitlines()
    ours = max(n for n, line in enumerate(lines) if "this run" in line)
    assert lines[ours + 1].strip() == ""
    assert "arXiv" in lines[ours + 2]
