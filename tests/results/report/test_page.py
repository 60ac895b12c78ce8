"""The report is one file that loads nothing, says what the records say, and cannot be broken."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from cadbench.results.analysis.comparison import final_row
from cadbench.results.analysis.quantities import QUANTITIES, stored_matrix
from cadbench.results.analysis.repetitions import spread_over_runs
from cadbench.results.leaderboard.boards import boards
from cadbench.results.metrics.compute import compute_metrics
from cadbench.results.metrics.registry import IMAGE_METRICS, PIXEL_METRICS
from cadbench.results.published.rows import load_published
from cadbench.results.records.record import Record
from cadbench.results.records.store import partial_dir, record_dir, write_record
from cadbench.results.rendering.table import Spread
from cadbench.results.report.boards import board_values
from cadbench.results.report.gallery import Gallery, Sample
from cadbench.results.report.page import NO_IMAGES, report_page
from cadbench.results.tables.single_run import memory_table, metrics_table

from tests.results.paper_runs import write_paper_run
from tests.results.report.conftest import BETTER, HOSTILE, IMAGE, data_of
from tests.results.samples import (
    make_cell,
    make_events,
    make_losses,
    make_memory,
    make_run,
    random_scores,
)

OWNER = {"apple": 0, "bolt": 0, "cork": 1}


class Parsed(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def same(mine: float | None, theirs: float) -> bool:
    return math.isnan(theirs) if mine is None else mine == theirs


def test_every_number_of_a_row_is_that_of_its_records(make_record) -> None:
    records = [
        make_record(R=R, owner=OWNER, seed=s)
        for s, R in enumerate(([[0.8, 0.5, 0.5], *BETTER[1:]], BETTER))
    ]
    records += [make_record(method="joint", R=BETTER, seed=seed) for seed in (0, 1)]
    (board,) = data_of(report_page(records))["boards"]
    (expected,) = boards(records)
    assert len(board["rows"]) == 2
    for row, readings in zip(board["rows"], expected.comparison.readings, strict=True):
        for name, quantity in QUANTITIES.items():
            runs = [reading.record for reading in readings]
            spread = spread_over_runs(runs, map(quantity.read, readings))
            if spread.n == 0:
                assert name not in row["values"]
                continue
            mean, deviation, n = row["values"][name]
            assert (mean, n) == (spread.mean, spread.n)
            assert same(deviation, spread.deviation)
        assert row["runs"] == [record.key for record in runs]
        for category in OWNER:
            values = [final_row(record)[category] for record in runs]
            assert row["final"][category] == Spread.of(values).mean
    assert {"acc", "bwt", "ap.acc", "gap_to_joint", "stored_mb"} <= board["rows"][1][
        "values"
    ].keys()


def test_the_page_of_a_run_is_its_record(make_record) -> None:
    record = make_record(owner=OWNER)
    run = data_of(report_page([record]))["runs"][record.key]
    for base in IMAGE_METRICS:
        R, _ = stored_matrix(record, base=base)
        shown = np.array(run["matrices"][base], dtype=float)
        np.testing.assert_allclose(shown, R, atol=1e-9)
    assert run["params"] == record.params
    assert run["cell"] == {k: v for k, v in record.cell.items() if k != "method"}
    assert run["made_with"]["cadbench"] == record.run["versions"]["cadbench"]
    assert run["experiences"] == record.experiences
    kinds = data_of(report_page([record]))["kinds"][run["kinds"]]
    assert kinds == [[name, "scratch", 20] for name in sorted(record.categories)]
    assert run["defects"] == pytest.approx([0.6, 0.85, 0.95])
    titles = [table["title"].split(":")[0] for table in run["tables"]]
    assert titles == ["Assignments", "Metrics", "Memory"]
    for table, expected in zip(
        run["tables"][1:], (metrics_table(record), memory_table(record)), strict=True
    ):
        assert [column["name"] for column in table["columns"]] == [c.name for c in expected.columns]
        for row, other in zip(table["rows"], expected.rows, strict=True):
            for mine, theirs in zip(row, other, strict=True):
                assert same(mine, theirs) if isinstance(theirs, float) else mine == theirs


def test_histograms_count_the_final_scores_of_each_category(make_record) -> None:
    record = make_record()
    histograms = data_of(report_page([record]))["runs"][record.key]["histograms"]
    assert set(histograms) == set(record.categories)
    final = record.scores[record.scores["experience"] == len(record.experiences)]
    for category, (low, high, *counts) in histograms.items():
        mine = final[final["category"] == category]
        assert (low, high) == pytest.approx((mine["score"].min(), mine["score"].max()), rel=1e-5)
        assert list(map(sum, counts)) == [(mine["label"] == label).sum() for label in (0, 1)]
        assert counts[0][0] + counts[1][0] >= 1


def test_rows_are_ranked_by_auroc_references_are_not_and_equal_rows_share_a_rank(
    make_record,
) -> None:
    names = [f"c{i}" for i in range(7)]
    high, low = ([[each] * 7] * 7 for each in (0.9, 0.6))
    rows = {"a": low, "b": high, "c": high, "joint": high}
    records = [make_record(method=name, R=R, categories=names) for name, R in rows.items()]
    (board,) = boards(records)
    found = {row["method"]: row for row in board_values(board)["rows"]}
    assert [found[name]["rank"] for name in rows] == [3, 1, 1, None]
    close = [name for name in rows if found[name]["close"]]
    assert close == ["c"]
    assert "no significant difference from the best AUROC" in found["c"]["close"]


def test_the_page_of_a_run_has_the_curves_that_its_method_recorded(make_record) -> None:
    record = make_record(recorded=make_losses(2.0))
    run = data_of(report_page([record]))["runs"][record.key]
    (loss,) = run["training"]
    assert (loss["name"], loss["x"]) == ("loss", "epoch")
    assert [curve["name"] for curve in loss["curves"]] == ["1: apple", "2: bolt", "3: cork"]
    assert loss["curves"][2] == {"name": "3: cork", "x": [1, 2], "y": [6, 3]}
    kinds = [row[:2] for row in run["recorded"]["rows"]]
    assert kinds == [["epoch", 6], ["check", 3]]
    other = make_record(seed=1)
    assert data_of(report_page([other]))["runs"][other.key]["recorded"] is None


def test_long_curves_are_thinned_but_keep_their_end(make_record) -> None:
    import pandas as pd

    steps = pd.DataFrame({"experience": 1, "kind": "s", "category": "", "step": range(1001)})
    record = make_record(recorded=steps.assign(value=steps["step"] * 0.5))
    (curves,) = data_of(report_page([record]))["runs"][record.key]["training"]
    (curve,) = curves["curves"]
    assert len(curve["x"]) <= 201
    assert (curve["x"][-1], curve["y"][-1]) == (1000, 500)


def test_the_incremental_curve_is_the_mean_of_the_seen(make_record) -> None:
    record = make_record(R=BETTER)
    (row,) = data_of(report_page([record]))["boards"][0]["rows"]
    assert row["incremental"] == pytest.approx([0.9, 0.9, (0.95 + 0.9 + 0.9) / 3])
    assert row["incremental"][-1] == pytest.approx(row["values"]["acc"][0])


def test_names_in_records_stay_text(hostile: list[Record]) -> None:
    page = report_page(hostile, command="cadbench report --to '<i>'")
    parsed = Parsed(page)
    assert len(parsed.named("script")) == 2
    assert not parsed.named("img")
    assert not parsed.named("i")
    data = data_of(page)
    assert {run["method"] for run in data["runs"].values()} == {"<i>m</i>", "joint", "mecad"}
    assert IMAGE in data["runs"][hostile[0].key]["params"]
    assert data["boards"][0]["categories"] == sorted([HOSTILE, "__proto__", r'a"b&c\u2028d'])
    assert page.count(HOSTILE) == 0
    assert "--to &#39;&lt;i&gt;&#39;" in page
    assert "\u2028" not in page.split('id="data">')[1]


def test_nothing_is_loaded_and_only_these_scripts_may_run(make_record) -> None:
    page = report_page([make_record()])
    parsed = Parsed(page)
    (policy,) = [
        str(meta["content"])
        for meta in parsed.named("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    for tag, attributes in parsed.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
        for name in ("src", "href", "action", "data"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:")), (tag, target)
    assert not re.findall(r"@import|url\(|fetch\(|XMLHttpRequest|innerHTML|\beval\(", page)


def test_the_same_records_give_the_same_bytes(make_record) -> None:
    records = [make_record(), make_record(method="joint")]
    assert report_page(records) == report_page(records)


def test_published_rows_stand_in_their_tier_and_only_where_definitions_agree(tmp_path) -> None:
    record = write_paper_run(tmp_path)
    (board,) = data_of(report_page([record], published=load_published()))["boards"]
    rows = {(row["method"], row["tier"]): row for row in board["rows"]}
    ours = rows["mecad", "reproduced here"]
    paper = rows["MECAD, 5 experts", "published (source checked)"]
    assert ours["runs"] == [record.key]
    assert paper["values"] == {"acc": [0.8259, None, 1]}
    assert paper["forgetting"] == -0.1396
    assert any("not given" in note for note in paper["notes"])
    leaking = [row for row in board["rows"] if row["tier"] == "leakage-flagged"]
    assert [row["method"] for row in leaking] == ["UCAD"]


def test_the_summary_says_that_no_difference_can_be_significant(make_record) -> None:
    records = [make_record(), make_record(method="joint", R=BETTER), make_record(method="other")]
    page = report_page(records)
    assert "<b>mecad</b> has the best AUROC, 0.800" in page
    assert "(reference: joint 0.917)" in page
    assert "no difference from the best AUROC can be significant at 0.05" in page
    assert not any(row["close"] for row in data_of(page)["boards"][0]["rows"])


def test_sample_images_are_in_the_file_or_a_line_says_why_not(make_record) -> None:
    record = make_record()
    assert data_of(report_page([record]))["no_images"] == NO_IMAGES
    sample = Sample("worst", 1, "scratch", 0.5, 0.25, b"image", b"map")
    page = report_page([record], galleries=[Gallery(record.key, "apple", 0.6, (sample,))])
    (gallery,) = data_of(page)["galleries"]
    (shown,) = gallery["samples"]
    assert shown["image"] == f"data:image/jpeg;base64,{base64.b64encode(b'image').decode()}"
    assert (gallery["key"], shown["wrong"]) == (record.key, 0.25)


def write_wide_run(out: Any) -> Record:
    """A record on 15 categories with every metric, none of them a short number."""
    categories = [f"category_{c:02d}" for c in range(15)]
    experiences = [[category] for category in categories]
    cell = make_cell(categories=categories, schedule="1x15")
    owner = {category: c % 5 for c, category in enumerate(categories)}
    scores = random_scores(experiences, owner=owner)
    rng = np.random.Generator(np.random.PCG64(0))
    pixels = {
        (t, category): {**dict.fromkeys(PIXEL_METRICS, float(rng.random())), "share": 0.02, "n": 16}
        for t in range(1, 16)
        for category in categories
    }
    events = make_events(owner)
    frames = {
        "scores": scores,
        "metrics": compute_metrics(scores, experiences, "oracle", events, pixels),
        "memory": make_memory(15),
        "events": events,
    }
    final = record_dir(out, cell)
    return write_record(partial_dir(final), final, make_run(cell, experiences), frames)


def test_a_hundred_runs_with_images_are_under_five_megabytes(tmp_path) -> None:
    """Extrapolated from the pages of 2 and of 12 runs."""
    record = write_wide_run(tmp_path)
    runs = []
    for experts in range(1, 13):
        cell = copy.deepcopy(dict(record.cell))
        cell["method"]["params"]["experts"] = experts
        key = hashlib.sha256(json.dumps(cell).encode()).hexdigest()
        runs.append(replace(record, run={**record.run, "cell": cell, "key": key}))
    noise = np.random.Generator(np.random.PCG64(0)).bytes(6000)
    samples = (Sample("worst", 1, "scratch", 0.5, 0.25, noise, noise),) * 8
    galleries = [Gallery(runs[0].key, f"category_{c:02d}", 0.6, samples) for c in range(3)]
    pages = [report_page(runs[:count], galleries=galleries) for count in (2, 12)]
    assert len(data_of(pages[1])["runs"]) == 12
    small, large = (len(page.encode()) for page in pages)
    assert small + 98 * (large - small) / 10 < 5e6
