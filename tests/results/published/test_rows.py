"""Published rows: validated, sourced, and saying by which definition they were printed."""

from __future__ import annotations

import pytest
from cadbench.results.errors import CadbenchError
from cadbench.results.published.rows import load_published, parse_published

ROW = """
source = "arXiv:0"
[[row]]
method = "M"
protocol = "MVTec AD, 1x15"
dataset = "mvtec"
schedule = "1x15"
routing = "not stated"
metric = "image_auroc"
acc_definition = "acc"
value = 0.5
checked = "source"
"""


def test_a_row_knows_its_source() -> None:
    (row,) = parse_published(ROW, "m.toml")
    assert (row.source, row.method, row.value, row.leakage) == ("arXiv:0", "M", 0.5, False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "method",
            "methods",
            r"m\.toml: row\[0\]: unknown key 'methods' .did you mean",
        ),
        ('source = "arXiv:0"', "", "source is missing"),
        ('source = "arXiv:0"', 'source = "x"\nextra = 1', "unknown key 'extra'"),
        ('"image_auroc"', '"accuracy"', "metric: expected one of image_auroc, .*, got 'accuracy'"),
        ('dataset = "mvtec"', "", "dataset is missing"),
        ('"mvtec"', '"mvtek"', "dataset: expected one of mvtec, got 'mvtek'"),
        ('schedule = "1x15"', "", "schedule is missing"),
        (
            'schedule = "1x15"',
            'schedule = "1x*"',
            r"schedule: expected .*, got '1x\*'",
        ),
        ('routing = "not stated"', "", "routing is missing"),
        ('"not stated"', '"guessed"', "routing: expected one of oracle, inferred, not stated, got"),
        ('"acc"', '"not continual"', "a row that is `not continual` has no schedule"),
        (
            "value = 0.5",
            "value = 0.5\nexperts = true",
            "experts: expected a whole number, got",
        ),
        (
            'checked = "source"',
            'checked = "yes"',
            "checked: expected one of source, secondary",
        ),
        ("value = 0.5", "", "value is missing"),
        ("value = 0.5", "value = 50.0", "shares from -1 to 1"),
        ("value = 0.5", 'value = "0.5"', "value: expected a number, got '0.5'"),
        ('acc_definition = "acc"', "", "acc_definition is missing"),
        ('"image_auroc"', '"forgetting"', "forgetting_definition is missing"),
        ("[[row]]", "[[row", "not TOML"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused(old: str, new: str, message: str) -> None:
    assert old in ROW
    with pytest.raises(CadbenchError, match=message):
        list(parse_published(ROW.replace(old, new), "m.toml"))


def test_every_shipped_row_has_a_source_and_a_definition() -> None:
    rows = load_published()
    assert len({row.source for row in rows}) >= 10
    for row in rows:
        assert row.source
        assert (row.schedule == "") == (row.acc_definition == "not continual")
        assert row.acc_definition or row.forgetting_definition or row.metric == "utilization"
    assert len({(r.method, r.protocol, r.metric, r.acc_definition, r.source) for r in rows}) == len(
        rows
    )


def test_means_agree_with_the_categories_printed_beside_them() -> None:
    complete = [row for row in load_published() if len(row.by_category) == 15]
    assert len(complete) == 2
    for row in complete:
        mean = sum(row.by_category.values()) / 15
        assert row.value == pytest.approx(mean, abs=6e-4), row.method


def test_test_set_selection_is_flagged() -> None:
    flagged = {row.method for row in load_published() if row.leakage}
    assert flagged == {"UCAD"}


def test_mecad_rows_hold_the_sweep_and_the_five_expert_assignment() -> None:
    rows = [row for row in load_published() if row.source == "arXiv:2512.15323"]
    auroc = {row.method: row.value for row in rows if row.metric == "image_auroc"}
    assert len(auroc) == 6
    assert max(auroc, key=lambda method: auroc[method] or 0) == "MECAD, 4 experts"
    (memory,) = (row for row in rows if row.metric == "utilization")
    assert sorted(len(categories) for categories in memory.assignment.values()) == [1, 1, 3, 5, 5]
    for expert, categories in memory.assignment.items():
        assert memory.by_expert[expert] == pytest.approx(len(categories) * 400 / 2400, abs=1e-4)
