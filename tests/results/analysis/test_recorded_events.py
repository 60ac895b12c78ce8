"""What methods recorded: kinds, and curves per experience."""

from __future__ import annotations

import pandas as pd
from cadbench.results.analysis.recorded_events import curves_of, recorded_kinds

from tests.results.samples import make_losses

OWNER = {"apple": 0, "bolt": 0, "cork": 1}


def test_kinds_hold_the_columns_that_have_values_and_no_assignments(make_record):
    record = make_record(owner=OWNER, recorded=make_losses())
    assert [kind.name for kind in recorded_kinds(record)] == ["note", "epoch", "check"]
    _, epoch, check = recorded_kinds(record)
    assert (epoch.name, check.name) == ("epoch", "check")
    assert list(epoch.events) == ["experience", "epoch", "loss"]
    assert (epoch.step, epoch.measured) == ("epoch", ("loss",))
    assert list(check.events) == ["experience", "note"]
    assert (check.step, check.measured) == (None, ())
    assert recorded_kinds(make_record(seed=1)) == []


def test_a_kind_without_steps_counts_its_events_and_categories_are_lines_of_their_own(make_record):
    rows = [(1, "a", 5.0), (1, "b", 7.0), (1, "a", 4.0), (2, "c", 3.0), (2, "c", float("inf"))]
    events = pd.DataFrame(rows, columns=["experience", "category", "error"]).assign(kind="net")
    (curves,) = curves_of(make_record(recorded=events))
    assert (curves.name, curves.x) == ("net: error", "event")
    found = {curve.name: (curve.x, curve.y) for curve in curves.curves}
    assert found == {
        "1: a": ((1.0, 2.0), (5.0, 4.0)),
        "1: b": ((1.0,), (7.0,)),
        "2: c": ((1.0,), (3.0,)),
    }


def test_one_event_per_experience_is_one_line_along_the_stream(make_record):
    events = pd.DataFrame(
        {"experience": [1, 2, 3], "kind": "size", "category": "", "vectors": [10, 20, 30]}
    )
    (curves,) = curves_of(make_record(recorded=events))
    (curve,) = curves.curves
    assert curves.x == "experience"
    assert (curve.x, curve.y) == ((1, 2, 3), (10, 20, 30))
