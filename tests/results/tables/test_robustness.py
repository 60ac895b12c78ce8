"""The table and the figure of runs with several shares of defective training images."""

from __future__ import annotations

import pytest
from cadbench.benchmark.finished.figures import fitting, selections
from cadbench.benchmark.finished.tables import TableOptions, make_tables
from cadbench.results.errors import UsageError
from cadbench.results.figures.catalog import draw
from cadbench.results.figures.drawing.style import styled

ID = "synthetic-1x3-224-oracle-contaminate{}@1"


@pytest.fixture
def records(make_record):
    def made(method, share, low, **changes):
        R = [[0.8, 0.5, 0.5], [0.8, 0.8, 0.5], [low, 0.8, 0.8]]
        cell = {"protocol": ID.format(f"{share:g}"), "contaminate": share} if share >= 0 else {}
        return make_record(R, method=method, params={"size": 3}, **cell, **changes)

    return [
        made("alpha", -1, 0.95),
        *(made("alpha", share, low) for share, low in ((0, 0.8), (0.05, 0.65), (0.1, 0.5))),
        *(made("beta", share, 0.8) for share in (0, 0.1)),
    ]


def test_a_row_has_the_mean_at_each_share_and_the_change(records):
    (table,) = make_tables("robustness", records, TableOptions())
    assert [column.name for column in table.columns[2:]] == ["0", "0.05", "0.1", "change"]
    alpha, beta = table.rows
    assert [value.mean for value in alpha[2:5]] == pytest.approx([0.8, 0.75, 0.7])
    assert alpha[5] == pytest.approx(-0.1)
    assert beta[3] is None
    assert beta[5] == pytest.approx(0)
    assert "synthetic-1x3-224-oracle@1" in table.title


def test_a_share_that_was_not_reached_is_named(records, monkeypatch):
    counts = {"apple": {"moved": 5, "train": 195, "removed": 5}}
    for record in records:
        if record.cell.get("contaminate") == 0.1:
            record.run["contaminated"] = counts
    (table,) = make_tables("robustness", records, TableOptions())
    assert "0.1 is less for lack of defective images: apple 0.026" in table.notes


def test_the_figure_joins_the_shares_and_other_figures_do_not(records):
    groups = selections(records, [], "auroc")
    (selection,) = fitting("robustness", groups).values()
    assert len(fitting("curves", groups)) == 4
    with styled():
        figure = draw("robustness", selection, 3.5)
    lines = {tuple(line.get_xdata()): line.get_ydata() for line in figure.figure.axes[0].lines}
    assert lines[0, 0.05, 0.1] == pytest.approx([0.8, 0.75, 0.7])
    assert lines[0, 0.1] == pytest.approx([0.8, 0.8])
    (named,) = fitting("robustness", selections(records, ["beta"], "auroc")).values()
    assert {row.first.method for row in named.chosen} == {"beta"}


def test_records_without_contamination_have_neither(records):
    with pytest.raises(UsageError, match="none of these records was run with --contaminate"):
        make_tables("robustness", records[:1], TableOptions())
    with pytest.raises(UsageError, match="none of these records was run with --contaminate"):
        fitting("robustness", selections(records[:1], [], "auroc"))
