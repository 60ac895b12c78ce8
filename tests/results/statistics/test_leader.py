"""Which rows do not differ significantly from the best one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from cadbench.results.analysis.rows import rows_of
from cadbench.results.statistics import leader
from cadbench.results.statistics.leader import find_leader
from cadbench.results.statistics.paired import Paired


def make(monkeypatch, make_record, merits):
    """The leader of rows with these final values (K, N)."""
    rows = rows_of([make_record(method=f"m{k}") for k in range(len(merits))])
    names = tuple(map(str, range(len(merits[0]))))
    values = np.array(merits)[:, None]
    made = Paired(tuple(rows), names, "auroc", "final", "category", values)
    monkeypatch.setattr(leader, "paired", lambda *_: made)
    return find_leader(rows)


def test_holm_separates_rows_from_the_best(monkeypatch, make_record):
    best = np.linspace(0.8, 0.9, 12)
    noise = np.tile([0.01, -0.012], 6)
    found = make(monkeypatch, make_record, [best - 0.1, best, best + noise - 0.001])
    assert (found.best, found.close) == (1, (2,))  # p 0.0005 * 2 separates row 0 only
    assert (
        found.note == "no significant difference from the best AUROC at 0.05 (Wilcoxon over 12 "
        "categories, Holm for 2 rows)"
    )


def test_few_categories_separate_nothing(monkeypatch, make_record):
    found = make(monkeypatch, make_record, [np.full(5, 0.1), np.full(5, 0.9)])
    assert dataclasses.astuple(found)[:2] == (1, ())
    assert found.note.startswith("with 5 categories and 1 comparison no difference from the best")


@pytest.mark.parametrize("methods", [["joint"], ["joint", "mecad"]])
def test_a_single_contender_leads_nothing(make_record, methods):
    assert find_leader(rows_of([make_record(method=name) for name in methods])) is None
