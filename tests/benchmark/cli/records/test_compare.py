"""`cadbench compare` and `table --intervals` as commands: what they print, write and refuse."""

from __future__ import annotations

import re

import pytest

from tests.benchmark.cli.test_errors import assert_refused
from tests.results import conftest as of_results
from tests.results.samples import MATRIX

make_record = of_results.make_record

BETTER = [[0.9, 0.5, 0.5], [0.9, 0.9, 0.5], [0.9, 0.9, 0.9]]


@pytest.fixture
def records(make_record):
    """Two orders of mecad with 1 and 2 experts, and of two made-up methods."""
    return [
        make_record(method=method, params=params, order=order, R=R)
        for method, params, R in (
            ("mecad", {"experts": 1, "replay": "random", "redraw": False}, MATRIX),
            ("mecad", {"experts": 2, "replay": "full", "redraw": False}, BETTER),
            ("upper", {}, BETTER),
            ("lower", {}, MATRIX),
        )
        for order in ("alphabetical", "random:0")
    ]


@pytest.fixture
def compare(call, out, records):
    return lambda *words: call("compare", *words, "--out", out)


def test_two_rows_are_a_table_of_each_and_of_their_pair(compare) -> None:
    said = compare("upper", "lower")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("### auroc, final: synthetic-1x3-224-oracle@1, oracle routing")
    assert "- [low, high] is the middle 95 %" in said.out
    assert re.search(r"\| upper \| 0.900 \[0\.\d+, [01]\.\d+\] \|", said.out)
    assert "### In pairs" in said.out
    assert re.search(r"\| upper \| lower   \| +0.100 \[", said.out)
    assert "Wilcoxon" in said.out
    assert "Friedman" not in said.out


def test_three_rows_are_ranked_and_drawn(compare, tmp_path) -> None:
    diagram = tmp_path / "figures" / "ranks.svg"
    said = compare("mecad:experts=1", "upper", "lower", "--diagram", diagram)
    assert said.code == 0
    assert "Friedman chi-squared" in said.out
    assert "mean ranks differ at 0.05" in said.out
    assert "p (Nemenyi)" in said.out
    assert "mecad" in diagram.read_text("utf-8")


def test_csv_holds_low_and_high(compare) -> None:
    said = compare("upper", "lower", "--format", "csv")
    header = said.out.splitlines()
    assert header[0] == "row,auroc,auroc sd,auroc n,auroc low,auroc high"
    assert "row,against,difference,difference sd,difference n,difference low" in said.out


def test_a_row_is_named_by_method_settings_or_key(compare, records) -> None:
    first, second = records[0], records[2]
    assert "experts=2" in compare("mecad:experts=2,replay=full", "upper").out
    assert "experts=1" in compare("mecad:redraw=FALSE,experts=1.0", "mecad:experts=2").out
    by_key = compare(first.run["config_key"][:8], second.key[:10])
    assert by_key.out == compare("mecad:experts=1", "mecad:experts=2").out


def test_other_metrics_and_values_can_be_compared(compare) -> None:
    assert compare("upper", "lower", "--metric", "ap").out.startswith("### ap, final")
    change = compare("upper", "lower", "--value", "change")
    assert re.search(r"\| row   \| +auroc change \|", change.out)
    assert "negative = forgetting" in change.out
    assert "categories of the last experience, which cannot have changed" in change.out
    runs = compare("upper", "lower", "--unit", "category_run")
    assert "6 category runs" in runs.out
    assert "not independent" in runs.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["upper"], ["at least two rows"]),
        (["uper", "lower"], ["'uper'", "did you mean upper?", "lower ("]),
        (["mecad", "upper"], ["'mecad' matches 2 rows", "mecad:experts=1,replay=random ("]),
        (["mecad:expert=1", "upper"], ["'expert'", "did you mean experts?"]),
        (["mecad:experts=7", "upper"], ["no row has the settings", "experts=2"]),
        (["mecad:experts", "upper"], ["METHOD:NAME=VALUE"]),
        (["mecda:experts=1", "upper"], ["did you mean mecad?"]),
        (["0123456789", "upper"], ["'0123456789' matches no row"]),
        (["upper", "upper"], ["'upper' and 'upper' are the same row"]),
        (["upper", "lower", "--metric", "aurok"], ["'aurok'", "did you mean auroc?", "f1_max"]),
        (["upper", "lower", "--metric", "AUROC"], ["'AUROC' (did you mean auroc?)"]),
        (["upper", "lower", "--metric", "aupro"], ["not all of these rows have 'aupro'"]),
        *(
            (
                ["upper", "lower", "--metric", name],
                [
                    f"--metric {name}: '{name}' has no value per category; for forgetting use "
                    "--value change; available: ap, auroc"
                ],
            )
            for name in ("fm", "ap.bwt", "forgetting")
        ),
        (["upper", "lower", "--metric", "stored_mb"], ["has no value per category; available"]),
        (["upper", "lower", "--value", "last"], ["--value", "learned"]),
        (["upper", "lower", "--unit", "run"], ["--unit", "category"]),
        (["upper", "lower", "--alpha", "0"], ["--alpha"]),
        (["upper", "lower", "--alpha", "5"], ["--alpha"]),
        (["upper", "lower", "--alpha", "nan"], ["--alpha", "not a finite number"]),
        (["upper", "lower", "--protocol", "x"], ["--protocol", "synthetic-1x3"]),
        (
            ["upper", "lower", "--routing", "inferred"],
            ["--routing: no record has 'inferred'"],
        ),
        (["upper", "lower", "--diagram", "x.pdf"], ["--diagram", "three rows"]),
        (["upper", "lower", "mecad:experts=1", "--diagram", "x.jpg"], ["x.jpg", ".pdf"]),
        (
            ["upper", "lower", "mecad:experts=1", "--diagram", f"{__file__}/x.pdf"],
            ["--diagram", "is no folder that can be written to"],
        ),
    ],
    ids=lambda value: " ".join(map(str, value))[-60:],
)
def test_a_wrong_word_is_wrong_usage_in_one_line(compare, words, said) -> None:
    assert_refused(compare(*words), 2, *said)


def test_no_rows_at_all_is_wrong_usage(call, out) -> None:
    assert_refused(call("compare", "--out", out), 2, "ROW")
    assert_refused(call("compare", "a", "b", "--out", out), 2, "no records in")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 1}, ["different runs", "seed 1", "seed 0"]),
        ({"protocol": "other@1"}, ["different protocol", "other@1"]),
        ({"manifest": "ef" * 32}, ["different data", "efef"]),
    ],
    ids=["seeds", "protocol", "data"],
)
def test_rows_that_are_not_comparable_are_refused_by_name(compare, make_record, changes, said):
    make_record(method="other", **changes)
    refused = compare("upper", "other")
    assert_refused(refused, 2, "not comparable", *said)
    assert "--allow-mixed" not in refused.err


def test_a_method_of_several_protocols_or_routings_asks_for_one(compare, make_record) -> None:
    for order in ("alphabetical", "random:0"):
        make_record(method="upper", params={}, order=order, routing="inferred")
    assert "oracle routing" in compare("upper", "lower").out  # only there are both rows
    for order in ("alphabetical", "random:0"):
        make_record(method="lower", params={}, order=order, routing="inferred")
    assert_refused(compare("upper", "lower"), 2, "'upper' matches 2 rows", "--protocol", "inferred")
    for choice in (["--routing", "oracle"], ["--protocol", "synthetic-1x3-224-oracle@1"]):
        assert compare("upper", "lower", *choice).code == 0


def test_rows_that_are_equal_have_dashes_and_a_note(compare, make_record, tmp_path) -> None:
    for method in ("same", "again"):
        for order in ("alphabetical", "random:0"):
            make_record(method=method, params={}, order=order, R=BETTER)
    said = compare("upper", "same", "again")
    assert said.code == 0
    assert "no ranks" in said.out
    assert "no test of rows that are equal in all categories" in said.out
    assert re.search(r"\| upper +\| same .*\|    3 \|      0 \| +– \|", said.out)
    drawn = compare("upper", "same", "again", "--diagram", tmp_path / "ranks.pdf")
    assert drawn.code == 2
    assert "nothing to draw" in drawn.err
    assert not (tmp_path / "ranks.pdf").exists()


def test_tables_have_intervals_on_request(call, out, records) -> None:
    plain = call("table", "--out", out)
    assert "bootstrap" not in plain.out
    for kind in ("main", "experts", "per-category"):
        said = call("table", kind, "--out", out, "--intervals")
        assert (said.code, said.err) == (0, "")
        assert re.search(r"0\.900( ± 0\.000)? \[0\.\d{3}, [01]\.\d{3}\]", said.out)
        assert "1000 bootstrap replicates" in said.out
    written = call("table", "--out", out, "--intervals", "--format", "csv")
    assert "AUROC low,AUROC high" in written.out
