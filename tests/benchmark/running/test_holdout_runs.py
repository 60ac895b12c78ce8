"""Runs with held-out images: what methods learn from, what records hold, what is checked."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cadbench.results.errors import RecordError
from cadbench.results.exchange.verification import load_verified
from cadbench.results.records.parquet import write_table
from cadbench.results.records.record import checksum, run_text

from tests.benchmark.conftest import FINETUNE
from tests.benchmark.running.test_runner import only

HOLDOUT = (*FINETUNE, "--holdout", "0.5")


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of training images that `finetune` gets, one per experience."""
    from cadbench.methods.banks.finetune import FineTune

    counts: list[int] = []
    original = FineTune.observe

    def observe(self: Any, experience: Any) -> None:
        if len(counts) == 2:
            counts.append(0)
            raise KeyboardInterrupt
        counts.append(len(experience.patches(experience.categories[0])[0]))
        original(self, experience)

    monkeypatch.setattr(FineTune, "observe", observe)
    return counts


def test_held_out_images_are_not_learned_but_scored_also_in_a_resumed_run(
    run_plates, call, out, learned
):
    assert run_plates(*HOLDOUT).code == 1  # interrupted in the third experience
    assert run_plates(*HOLDOUT).code == 0
    assert learned == [1, 1, 0, 1]
    record = only(out)
    assert record.cell["holdout"] == 0.5
    held_out = record.held_out
    assert held_out.groupby(["experience", "category"]).size().to_dict() == {
        (1, "apple"): 2,
        (2, "bolt"): 2,
        (3, "cork"): 2,
    }
    assert not set(held_out["image"]) & set(record.scores["image"])
    load_verified(record.path)

    limits = held_out.groupby("category")["score"].max()  # two images: the largest score
    final = record.scores[record.scores["experience"] == 3]
    good = final[final["label"] == 0]
    alarms = good["score"] > good["category"].map(limits)
    expected = alarms.groupby(good["category"]).mean()
    metrics = record.metrics[record.metrics["metric"] == "false_alarm_rate"]
    last = metrics[metrics["t"] == 3].set_index("category")["value"]
    pd.testing.assert_series_equal(last, expected, check_names=False, check_dtype=False)

    words = ("--intervals", "--format", "csv", "--out", out)
    shown = call("table", "thresholds", *words).out.splitlines()
    row = dict(zip(shown[0].split(","), shown[1].split(","), strict=True))
    assert float(row["false-alarm rate at the end"]) == pytest.approx(expected.mean())
    low, high = (float(row[f"false-alarm rate at the end {end}"]) for end in ("low", "high"))
    assert low <= expected.mean() <= high
    assert float(row["false-alarm rate change"]) == pytest.approx(
        float(row["false-alarm rate at the end"]) - float(row["false-alarm rate learned"])
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.assign(score=f["score"] * 0), "false_alarm_rate of .* in the record and 1 "),
        (lambda f: f[f["category"] != "bolt"], "must have images of every category"),
        (lambda f: f.assign(score=np.float32("inf")), "scores that are not finite"),
        (lambda f: pd.concat([f, f]), "an image twice"),
        (None, "checksums are not those of a record's files"),
    ],
)
def test_an_import_checks_the_held_out_scores(run_plates, out, change, said):
    run_plates(*HOLDOUT)
    record = only(out)
    checksums = dict(record.run["checksums"])
    if change is None:
        (record.path / "held_out.parquet").unlink()
        del checksums["held_out.parquet"]
    else:
        write_table(record.path / "held_out.parquet", "held_out", change(record.held_out))
        checksums["held_out.parquet"] = checksum(record.path / "held_out.parquet")
    run = {**record.run, "checksums": checksums}
    (record.path / "run.json").write_bytes(run_text(json.loads(json.dumps(run))))
    with pytest.raises(RecordError, match=said):
        load_verified(record.path)


def test_without_held_out_images_there_are_no_thresholds(run_plates, call, out):
    assert run_plates(*FINETUNE).code == 0
    record = only(out)
    assert record.held_out is None
    assert not {"false_alarm_rate", "recall"} & set(record.metrics["metric"])
    refused = call("table", "thresholds", "--out", out)
    assert refused.code == 2
    assert "none of these records was run with --holdout" in refused.err
    assert call("figure", "thresholds", "--out", out, "--to", out / "figures").code == 2


def test_wrong_thresholds_are_refused_before_anything_is_read(call, out):
    for words, said in (
        (("--threshold-quantile", "0.9"), "--threshold-quantile: needs held-out images"),
        (("--holdout", "0.1", "--threshold-quantile", "1"), "--threshold-quantile"),
        (("--holdout", "1"), "--holdout"),
    ):
        refused = call("run", "--dataset", "synthetic", *words, "--out", out)
        assert refused.code == 2
        assert said in refused.err
