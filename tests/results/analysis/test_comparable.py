"""One protocol id with two meanings: never in one table, labeled where that is allowed."""

from __future__ import annotations

import math

import pytest
from cadbench.results.leaderboard.boards import leaderboard
from cadbench.results.tables.comparison import main_tables, per_category_tables

from tests.results.tables.test_comparison import BETTER, column, means, one

PATCHCORE = {"method": "patchcore", "protocol": "ours@1"}
IDENTITIES = [
    ({"schedule": "2-1"}, "schedule", "1x3", "2-1"),
    ({"preprocessing": {"resize": 224, "crop": 224}}, "preprocessing.resize", "256", "224"),
    ({"map_spec": {"upsampling": "bilinear", "sigma": 2.0}}, "maps.sigma", "4.0", "2.0"),
]


@pytest.mark.parametrize(("change", "field", "one_says", "other_says"), IDENTITIES)
def test_one_protocol_id_with_two_meanings_gives_two_tables_that_name_the_field(
    make_record, change, field, one_says, other_says
) -> None:
    records = [make_record(protocol="ours@1"), make_record(**PATCHCORE, **change)]
    for tables in (main_tables, per_category_tables):
        titles = [table.title for table in tables(records)]
        assert sum(f"{field}={one_says}" in title for title in titles) == 1
        assert sum(f"{field}={other_says}" in title for title in titles) == 1


@pytest.mark.parametrize(("change", "field", "one_says", "other_says"), IDENTITIES)
def test_allow_mixed_labels_two_meanings_of_one_id(
    make_record, change, field, one_says, other_says
) -> None:
    records = [make_record(protocol="ours@1"), make_record(**PATCHCORE, **change)]
    table = one(main_tables(records, allow_mixed=True))
    assert column(table, "protocol") == ["ours@1"] * 2
    assert column(table, "settings") == [f"{field}={one_says}", f"{field}={other_says}"]
    assert any("not comparable" in note for note in table.notes)


@pytest.mark.parametrize(("change", "field", "one_says", "other_says"), IDENTITIES)
def test_leaderboard_puts_two_meanings_of_one_id_in_two_tables(
    make_record, change, field, one_says, other_says
) -> None:
    records = [make_record(protocol="ours@1"), make_record(**PATCHCORE, **change)]
    titles = [table.title for table in leaderboard(records)]
    assert len(titles) == 2
    assert {title.rpartition(", ")[2] for title in titles} == {
        f"{field}={one_says}",
        f"{field}={other_says}",
    }


def test_a_joint_run_of_another_meaning_of_the_id_is_no_upper_bound(make_record) -> None:
    sharper = {"map_spec": {"upsampling": "bilinear", "sigma": 2.0}}
    records = [make_record(), make_record(method="joint", R=BETTER, **sharper)]
    gaps = means(
        one(main_tables(records, columns=["gap_to_joint"], allow_mixed=True)), "gap_to_joint"
    )
    assert gaps == pytest.approx([0.0, math.nan], nan_ok=True)
