"""Metrics of boundaries, worked by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from cadbench.results.errors import CadbenchError
from cadbench.results.metrics import (
    boundaries_found,
    boundaries_missed,
    boundary_delay,
    false_switches,
)
from cadbench.results.metrics.from_events.boundaries import boundaries_and_switches, delays_of

METRICS = (boundaries_found, boundaries_missed, false_switches, boundary_delay)


@pytest.mark.parametrize(
    ("boundaries", "switches", "expected"),
    [
        # 14 finds 10 after 4 images, 21 finds 20 after 1, nothing finds 30.
        ((10, 20, 30), (14, 21), (2, 1, 0, 2.5)),
        # 10 has read the first 10 images only, 18 comes after 14: both are false.
        ((10, 20), (10, 14, 18, 26), (2, 0, 2, 5.0)),
        ((10,), (3,), (0, 1, 1, math.nan)),
        ((), (5, 9), (0, 0, 2, math.nan)),
        ((10, 20), (), (0, 2, 0, math.nan)),
        # One batch over two boundaries: the switch belongs to the last one.
        ((10, 11), (12,), (1, 1, 0, 1.0)),
    ],
)
def test_switches_find_the_boundary_before_them_once(boundaries, switches, expected):
    measured = [metric(boundaries, switches) for metric in METRICS]
    assert [each.n for each in measured] == [len(boundaries)] * 4
    assert [each.value for each in measured] == pytest.approx(expected, nan_ok=True)


def events(*rows):
    return pd.DataFrame(rows, columns=["experience", "kind", "category", "images", "image"])


def test_positions_count_the_images_of_all_experiences():
    found = boundaries_and_switches(
        events(
            (1, "switch", "", None, 7),
            (1, "segment", "a", 6, None),
            (1, "segment", "b", 2, None),
            (2, "switch", "", None, 1),
            (2, "segment", "b", 5, None),
            (2, "segment", "a", 1, None),
        )
    )
    assert found == ([6, 13], [7, 9])
    assert delays_of(*found) == {6: 1}


def test_a_run_without_segments_has_no_such_metric():
    assert boundaries_and_switches(events((1, "switch", "", None, 7))) is None


@pytest.mark.parametrize("image", [9, 0, 1.5, None])
def test_a_switch_outside_of_its_experience_is_an_error(image):
    table = events((1, "segment", "a", 6, None), (1, "switch", "", None, image))
    with pytest.raises(CadbenchError, match="image"):
        boundaries_and_switches(table)
