"""Tiers of published numbers."""

from __future__ import annotations

import pytest
from cadbench.results.leaderboard.boards import leaderboard
from cadbench.results.published.groups import group_rows
from cadbench.results.published.rows import load_published
from cadbench.results.published.tables import tiered_tables
from cadbench.results.published.tiers import (
    LEAKAGE,
    REPRODUCED,
    SECONDARY,
    SOURCE,
    forgetting_caveat,
    tier_of,
)
from cadbench.results.rendering.table import Marked, number

from tests.results.paper_runs import write_paper_run
from tests.results.published.test_appending import row
from tests.results.tables.test_comparison import column, one

FORGETTING = {"metric": "forgetting", "acc_definition": "", "forgetting_definition": "FM"}


def test_a_tier_is_that_of_the_metrics_and_leakage_outweighs_all() -> None:
    assert tier_of([row()]) == SOURCE
    assert tier_of([row(checked="secondary")]) == SECONDARY
    assert tier_of([row(), row(checked="secondary", **FORGETTING)]) == SOURCE
    assert tier_of([row(checked="secondary", **FORGETTING)]) == SECONDARY
    assert tier_of([row(), row(leakage=True, **FORGETTING)]) == LEAKAGE


def test_forgetting_that_is_less_well_checked_than_its_row_says_so() -> None:
    (weaker,) = group_rows([row(), row(checked="secondary", **FORGETTING)])
    (alike,) = group_rows([row(), row(**FORGETTING)])
    assert "another publication" in forgetting_caveat(weaker, SOURCE)
    assert forgetting_caveat(weaker, LEAKAGE) == ""
    assert forgetting_caveat(alike, SOURCE) == ""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_paper_run(tmp_path_factory.mktemp("paper"))


def test_published_rows_follow_ours_by_tier_and_best_first(run) -> None:
    table = leaderboard([run], published=load_published())[0]
    tiers = column(table, "tier")
    assert tiers[0] == REPRODUCED
    assert list(dict.fromkeys(tiers)) == [REPRODUCED, SOURCE, SECONDARY, LEAKAGE]
    assert tiers == sorted(tiers, key=[REPRODUCED, SOURCE, SECONDARY, LEAKAGE].index)
    assert table.quoted == len(tiers) - 1
    secondary = [
        number(value)
        for value, tier in zip(column(table, "AUROC"), tiers, strict=True)
        if tier == SECONDARY
    ]
    assert secondary == sorted(secondary, reverse=True)


def test_what_a_paper_prints_as_forgetting_is_never_in_a_column_of_ours(run) -> None:
    table = leaderboard([run], published=load_published())[0]
    place = column(table, "method").index("MECAD, 5 experts")
    assert column(table, "bwt")[place] is None
    assert column(table, "fm")[place] is None
    printed = column(table, "printed forgetting")[place]
    assert isinstance(printed, Marked)
    assert printed.value == -0.1396
    assert column(table, "printed forgetting")[0] is None


def test_a_stream_without_published_rows_has_no_columns_for_them(make_record) -> None:
    table = one(leaderboard([make_record()], published=load_published()))
    names = [each.name for each in table.columns]
    assert "source" not in names
    assert column(table, "tier") == [REPRODUCED]


def test_every_published_number_stands_in_a_group_of_one_routing() -> None:
    tables = tiered_tables(load_published())
    for table in tables:
        assert len(set(column(table, "routing"))) == 1
    shown = sum(
        number(value) == number(value)
        for table in tables
        for cells in table.rows
        for value in cells[3:-2]
    )
    assert shown == sum(each.metric != "utilization" for each in load_published())
