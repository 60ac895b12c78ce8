"""A stream over two datasets on the command line: runs, tables, figures, reports, protocols."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cadbench.benchmark.data.readers.mvtec import Mvtec
from cadbench.benchmark.data.readers.visa import Visa
from cadbench.results.records.store import find_records

from tests.benchmark.cli.test_errors import assert_refused
from tests.benchmark.conftest import Called
from tests.benchmark.data.readers import miniatures as mini
from tests.conftest import draw_dataset

Run = Callable[..., Called]
PER_CATEGORY = ("--method", "per_category", "--set", "per_category.class_budget=10")


@pytest.fixture
def roots(tmp_path: Path) -> list[str]:
    """Two datasets that share the name of a category, and the options that find them."""
    few = {"train": 3, "good": 3, "defective": 4}
    one = draw_dataset(tmp_path / "one", ("apple", "bolt"), seed=1, **few)
    two = draw_dataset(tmp_path / "other", ("apple", "cork"), seed=2, **few)
    return ["--data-root", f"one={one}", "--data-root", f"two={two}"]


@pytest.fixture
def run_both(call: Run, roots: list[str], out: Path, pixel_backbone: list[int]) -> Run:
    """`cadbench run` over both."""
    common = ["--out", out, "--image-size", "64", "--device", "cpu", *PER_CATEGORY]
    return lambda *words: call("run", "-q", "--dataset", "one,two", *roots, *common, *words)


def test_scores_over_two_data_sets_are_those_of_each_alone(call, run_both, roots, out, tmp_path):
    done = run_both("--order", "random:1", "--maps", "final")
    assert done.code == 0, done
    (both,) = find_records(out)
    assert both.protocol == "one+two-1x4-64-oracle@1"
    assert both.cell["dataset"] == "one+two"
    assert sorted(both.categories) == ["one/apple", "one/bolt", "two/apple", "two/cork"]
    alone_out = tmp_path / "alone"
    words = ["--dataset", "two", *roots[2:], "--out", alone_out, "--image-size", "64"]
    assert call("run", "-q", *words, "--device", "cpu", *PER_CATEGORY).code == 0
    (alone,) = find_records(alone_out)
    for category in ("apple", "cork"):
        expected = _final(alone, category)
        assert _final(both, f"two/{category}") == expected
        assert len(expected) == 7
    pixels = both.run["pixels"]
    assert pixels["two/cork"] == alone.run["pixels"]["cork"]
    assert set(pixels) == set(both.categories)


def test_tables_figures_and_reports_take_qualified_categories(call, run_both, roots, out, tmp_path):
    assert run_both().code == 0
    where = ["--out", out]
    assert "two/apple" in call("table", "per-category", *where).out
    latex = call("table", "per-category", *where, "--format", "latex").out
    assert "two/apple" in latex
    exported = call("export", "all", *where, "--to", tmp_path / "sent.zip")
    assert exported.code == 0, exported
    taken = call("import", tmp_path / "sent.zip", "--out", tmp_path / "taken")
    assert taken.code == 0, taken
    page = tmp_path / "report.html"
    told = ["--to", page, "--images", "--dataset", "one,two", *roots]
    assert call("report", *where, *told).code == 0
    assert "two/apple" in page.read_text()
    assert page.read_text().count("image/jpeg") > 4
    drawn = ["examples", "--to", tmp_path / "figures", "--category", "two/apple", *where, *roots]
    assert call("figure", *drawn).code == 0
    without = call("figure", *drawn[:-4], *roots[:2])
    assert_refused(without, 2, "unknown dataset 'two'", "NAME=FOLDER")


def test_an_order_file_and_a_dry_run_take_qualified_names(run_both, call, roots, out, tmp_path):
    order = tmp_path / "order.txt"
    order.write_text("two/cork\none/bolt\ntwo/apple\none/apple\n")
    listed = run_both("--order", order, "--schedule", "2x2", "--dry-run", "--format", "json")
    cells = tmp_path / "cells.json"
    cells.write_text(listed.out)
    (cell,) = json.loads(listed.out)
    assert cell["order"]["categories"] == order.read_text().split()
    done = call("run", "-q", "--cells", cells, "--dataset", "one,two", *roots, "--out", out)
    assert done.code == 0, done
    refused = run_both("--categories", "apple")
    assert_refused(refused, 2, "'apple'", "did you mean one/apple?")


def test_a_protocol_over_mvtec_and_visa_takes_miniatures_of_both(call, tmp_path):
    mini.draw_mvtec(tmp_path / "mvtec", Mvtec.categories)
    mini.draw_visa(tmp_path / "visa", categories=Visa.categories)
    words = [
        "--protocol",
        "visa-mvtec",
        "--data-root",
        tmp_path,
        "--method",
        "finetune",
        "--dry-run",
    ]
    weights = ["--backbone", "tf_efficientnet_lite0", "--format", "json"]
    shown = call("run", "-q", *words, *weights, "--dataset", "visa,mvtec")
    assert shown.code == 0, shown
    (cell,) = json.loads(shown.out)
    assert cell["protocol"] == "mvtec+visa-1x27-224-oracle@1"
    assert len(cell["order"]["categories"]) == 27
    assert cell["order"]["categories"][0] == "visa/candle"
    contrary = call("run", "-q", *words, "--dataset", "mvtec")
    assert_refused(
        contrary, 2, "--dataset: contradicts the protocol visa-mvtec, which sets mvtec,visa"
    )


def _final(record, category: str) -> dict[str, float]:
    scores = record.scores
    last = scores[scores["experience"] == scores["experience"].max()]
    mine = last[last["category"] == category]
    return dict(zip(mine["image"], mine["score"], strict=True))
