"""Tables of single runs for whole rows: averaged over seeds, together where runs agree."""

from __future__ import annotations

import pytest
from cadbench.results.rendering.table import Spread
from cadbench.results.tables.shared_runs import assignments_tables, matrix_tables, memory_tables
from cadbench.results.tables.single_run import matrix_table

from tests.results.samples import MATRIX
from tests.results.tables.test_comparison import BETTER, OWNER, column, one


def test_a_matrix_is_the_mean_over_the_seeds_of_one_order(make_record) -> None:
    records = [make_record(R=R, seed=seed) for seed, R in enumerate([MATRIX, BETTER])]
    records.append(make_record(order="random:1"))
    tables = matrix_tables(records)
    assert [t.title.split(", ")[3:5] for t in tables] == [
        ["seeds 0-1", "order alphabetical"],
        ["seed 0", "order random:1"],
    ]
    cell = column(tables[0], "apple")[2]
    assert isinstance(cell, Spread)
    assert (cell.mean, cell.n) == (pytest.approx(0.75), 2)
    assert column(tables[0], "t") == [1, 2, 3]
    assert column(tables[0], "learned") == ["apple", "bolt", "cork"]
    assert repr(tables[1].rows) == repr(matrix_table(records[-1]).rows)


def test_every_row_has_a_table_of_its_own_named_after_it(make_record) -> None:
    records = [make_record(params={"experts": e}) for e in (1, 2)]
    titles = [table.title for table in matrix_tables(records)]
    assert [title.split(", ")[0] for title in titles] == [
        "Matrix of auroc: mecad experts=1",
        "Matrix of auroc: mecad experts=2",
    ]


def test_seeds_that_agree_share_a_table(make_record) -> None:
    other = {"apple": 1, "bolt": 0, "cork": 1}
    records = [make_record(seed=s, owner=o) for s, o in ((0, OWNER), (1, other), (2, OWNER))]
    titles = [table.title for table in assignments_tables(records)]
    assert ["seeds 0,2" in titles[0], "seed 1," in titles[1]] == [True, True]
    assert "seeds 0-2" in one(memory_tables(records)).title


def test_records_without_assignments_have_no_table_of_them(make_record) -> None:
    assert assignments_tables([make_record(method="joint")]) == []
