"""Tables, intervals, boards, tests and the report read a metric where lower is better that way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from cadbench.results.analysis.quantities import quantity
from cadbench.results.analysis.rows import rows_of
from cadbench.results.leaderboard.boards import leaderboard
from cadbench.results.records.record import Record
from cadbench.results.rendering.highlight import marks
from cadbench.results.rendering.table import Table, number
from cadbench.results.report.page import report_page
from cadbench.results.statistics.bootstrap import Bootstrap
from cadbench.results.statistics.friedman import ranking
from cadbench.results.statistics.paired import paired
from cadbench.results.tables.comparison import main_tables
from cadbench.results.tables.paired import paired_tables

from tests.results.report.conftest import data_of

CATEGORIES = ["apple", "bolt", "cork"]
KEPT = {"apple": [0.1, 0.1, 0.1], "bolt": [0.8, 0.2, 0.2], "cork": [0.9, 0.9, 0.0]}
FORGOT = {"apple": [0.1, 0.4, 0.5], "bolt": [0.8, 0.2, 0.3], "cork": [0.9, 0.9, 0.1]}
GUESSED = {name: [0.9, 0.9, 0.9] for name in CATEGORIES}
COLUMNS = ("fpr95.acc", "fpr95.bwt", "fpr95.fm", "fpr95.worst_drop", "fpr95.fwt")


def scores_with(rates: dict[str, list[float]]) -> pd.DataFrame:
    """Ten good images per category, of which a share of `rates` lies above all defective ones."""
    rows = []
    for t in (1, 2, 3):
        for category, of_category in rates.items():
            alarms = round(10 * of_category[t - 1])
            for i in range(10):
                score = 2.0 + i if i < alarms else -1.0 - i
                rows.append((t, category, f"{category}-g{i}", 0, "good", score, -1))
            rows += [(t, category, f"{category}-d{i}", 1, "dent", 1.0, -1) for i in range(5)]
    columns = ["experience", "category", "image", "label", "defect", "score", "route"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def records(make_record) -> list[Record]:
    runs = {"forgetful": FORGOT, "keeper": KEPT, "guesser": GUESSED}
    return [make_record(method=name, scores=scores_with(rates)) for name, rates in runs.items()]


def column(table: Table, name: str) -> dict[str, float]:
    methods = [c.name for c in table.columns].index("method")
    place = [c.name for c in table.columns].index(name)
    return {str(row[methods]): round(number(row[place]), 6) for row in table.rows}


def test_values_and_signs_in_a_table(records) -> None:
    (table,) = main_tables(records, columns=COLUMNS)
    assert column(table, "FPR95") == {"forgetful": 0.3, "keeper": 0.1, "guesser": 0.9}
    assert column(table, "FPR95 bwt") == {"forgetful": 0.25, "keeper": 0.0, "guesser": 0.0}
    assert column(table, "FPR95 fm") == {"forgetful": 0.25, "keeper": 0.0, "guesser": 0.0}
    assert column(table, "FPR95 worst_drop")["forgetful"] == 0.4
    lead = column(table, "FPR95 fwt")
    assert lead["keeper"] == pytest.approx((0.8 + 0.9) / 2 - 0.95)
    notes = {note.split(":")[0]: note for note in table.notes}
    assert notes["FPR95 bwt"].endswith("(positive = forgetting)")
    assert notes["FPR95 fm"].endswith("(positive = forgetting)")
    assert "guessing reaches 0.95 (negative = " in notes["FPR95 fwt"]


def test_the_lowest_is_marked_best(records) -> None:
    (table,) = main_tables(records, columns=COLUMNS)
    for name in ("FPR95", "FPR95 worst_drop"):
        place = [c.name for c in table.columns].index(name)
        best = [str(row[0]) for row, of in zip(table.rows, marks(table, "best"), strict=True)
                if of[place] == "best"]  # fmt: skip
        assert "keeper" in best
        assert "forgetful" not in best


def test_a_zero_change_has_no_minus(records) -> None:
    (table,) = main_tables(records, columns=("fpr95.bwt", "fpr95.worst_drop"))
    for row in table.rows:
        for value in row:
            assert not (number(value) == 0 and np.signbit(number(value)))


def test_intervals_hold_the_mean_and_name_the_extremes(records) -> None:
    (table,) = main_tables(records, columns=COLUMNS, bootstrap=Bootstrap())
    for name in ("FPR95", "FPR95 bwt"):
        place = [c.name for c in table.columns].index(name)
        for row in table.rows:
            spread = row[place]
            assert spread.low <= spread.mean <= spread.high
    assert any(note.startswith("FPR95 fm, FPR95 worst_drop: the extreme") for note in table.notes)


def test_a_leaderboard_puts_the_lowest_first(records) -> None:
    (table,) = leaderboard(records, sort="fpr95.acc")
    assert list(column(table, "FPR95")) == ["keeper", "forgetful", "guesser"]


def test_the_gap_to_joint_is_positive_for_what_is_worse_than_joint(make_record) -> None:
    made = [make_record(method="a", scores=scores_with(FORGOT))]
    made.append(make_record(method="joint", scores=scores_with(KEPT)))
    (table,) = main_tables(made, columns=("fpr95.gap_to_joint",))
    assert column(table, "FPR95 gap_to_joint") == {"a": 0.2, "joint": 0.0}


def test_compare_counts_a_lower_value_as_a_win(records) -> None:
    row_of = {row.first.method: row for row in rows_of(records)}
    keeper, forgetful, guesser = (row_of[name] for name in ("keeper", "forgetful", "guesser"))
    compared = paired((keeper, forgetful, guesser), "fpr95", "final", "category")
    first = compared.pairs(None)[0]
    assert first.difference == pytest.approx(-0.2)
    assert (first.wins, first.losses, first.effect) == (3, 0, 1.0)
    ranked = ranking(compared.merits)
    assert ranked is not None
    assert ranked.mean_ranks.tolist() == [1, 2, 3]
    titles = ["keeper", "forgetful", "guesser"]
    rows, pairs = paired_tables(compared, titles, ranked, Bootstrap(), 0.05)
    assert rows.columns[1].better == "lower"
    assert any("in which the row is lower" in note for note in pairs.notes)
    change = paired((keeper, forgetful), "fpr95", "change", "category")
    rows, _ = paired_tables(change, titles[:2], None, Bootstrap(), 0.05)
    assert rows.notes[0].endswith("R[T, c] - R[s(c), c], positive = forgetting")


def test_the_report_says_which_way_is_better(records) -> None:
    data = data_of(report_page(records))
    assert data["bases"]["fpr95"] == {
        "heading": "FPR95",
        "better": "lower",
        "mean": "fpr95.acc",
        "chance": 0.95,
    }
    assert data["quantities"]["fpr95.bwt"]["better"] == "lower"
    assert data["quantities"]["fpr95.bwt"]["note"] == quantity("fpr95.bwt").note
