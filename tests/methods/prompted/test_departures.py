"""The table of leaks: each departure of UCAD's released code, on scores written by hand."""

from __future__ import annotations

import numpy as np
import pytest
from cadbench.methods.prompted.departures import ScoredCategory, departures
from cadbench.methods.prompted.leaks import leak_table
from cadbench.results.errors import UsageError

LABELS = np.array([0, 0, 1, 1])
RIGHT, WRONG, HALF = [1, 2, 3, 4], [4, 3, 2, 1], [1, 3, 2, 4]
"""Scores with AUROC 1, 0 and 0.75."""


def a_category(task: int, routes: list[int], common: int, scores: list) -> ScoredCategory:
    return ScoredCategory(task, LABELS, np.array(routes), common, np.array(scores, float))


def test_each_departure_changes_one_thing():
    first = a_category(0, [0, 0, 1, 1], 1, [[RIGHT, HALF], [HALF, WRONG]])
    second = a_category(1, [1, 1, 1, 1], 1, [[RIGHT, RIGHT], [WRONG, HALF]])
    found = departures([first, second])
    # The last epoch gives the first category 1 3 2 1: images 2 and 3 are routed to task 1.
    assert found["honest"] == [0.375, 0.75]
    assert found["routing by category"] == [0.0, 0.75]
    assert found["tested right after training"] == [0.75, 0.75]
    # Epoch 0 is best for task 0, epoch 1 for task 1: 1 2 2 1. Ties count one half.
    assert found["best epoch on test data"] == [0.5, 0.75]
    # First category: 1 2 2 4 and 1 3 2 1, scaled, give means of 0 2/3 5/12 1/2.
    # Second category: 4 3 2 1 and 1 3 2 4, scaled, give means of 1/2 2/3 1/3 1/2.
    assert found["averaged over epochs"] == [0.5, 0.125]
    assert found["all"] == [1.0, 0.125]


def test_scores_that_are_all_equal_count_as_chance():
    flat = a_category(0, [0] * 4, 0, [[[2, 2, 2, 2]]])
    assert set(map(tuple, departures([flat]).values())) == {(0.5,)}


def test_a_record_without_epochs_is_refused(tmp_path):
    from cadbench.results.records.record import Record

    class Without:
        method, path = "patchcore", tmp_path
        cell = {"method": {"params": {}}}  # noqa: RUF012

    record: Record = Without()  # type: ignore[assignment]
    with pytest.raises(UsageError, match="keeps no epochs of ucad: compute it with"):
        leak_table(record, None, None, "cpu")
