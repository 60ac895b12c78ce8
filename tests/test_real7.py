"""Three real categories from images to metrics, with the embedded backbone."""

from __future__ import annotations

import pytest
from cadbench.benchmark.cli.main import run
from cadbench.results.analysis.quantities import Reading, quantity
from cadbench.results.metrics.compute import matrix
from cadbench.results.records.store import find_records

pytestmark = [pytest.mark.real7, pytest.mark.xdist_group("one run over real images")]


@pytest.fixture(scope="module")
def records(real7, tmp_path_factory):
    """A record by method of a run over cookie, aliens and toothbrush."""
    folder = tmp_path_factory.mktemp("real7")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CADBENCH_CACHE", str(folder / "cache"))
        words = ["run", "-q", "--data-root", str(real7), "--categories", "cookie,aliens,toothbrush"]
        methods = ["mecad", "joint", "finetune", "per_category"]
        words += [word for method in methods for word in ("--method", method)]
        assert run([*words, "--experts", "1", "--out", str(folder / "runs")]) == 0
    return {record.method: record for record in find_records(folder / "runs")}


def value(record, name):
    return quantity(name).read(Reading(record, tuple(sorted(record.categories))))


def test_a_bank_for_each_category_reaches_what_other_implementations_reach(records):
    record = records["per_category"]
    final, _ = matrix(record.scores, record.experiences, sorted(record.categories))
    aliens, cookie, toothbrush = final[-1]
    assert aliens > 0.95
    assert cookie > 0.9
    assert toothbrush > 0.97


def test_forgetting_orders_the_methods_as_it_must(records):
    assert value(records["joint"], "acc") > value(records["mecad"], "acc")
    assert value(records["per_category"], "acc") > value(records["mecad"], "acc")
    lowest = min(records.values(), key=lambda record: value(record, "bwt"))
    assert lowest.method == "finetune"
    assert value(records["per_category"], "bwt") == 0
