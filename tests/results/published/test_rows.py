"""Published rows: validated, sourced, and saying by which definition they were printed."""

from __future__ import annotations

import pytest
from cadbench.results.errors import CadbenchError
from cadbench.results.published.rows import (
    categories_in,
    covers_dataset,
    load_published,
    parse_published,
)

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
        ('"mvtec"', '"mvtek"', "dataset: expected one of mvtec, .*got 'mvtek'"),
        ('source = "arXiv:0"', 'source = " "', r"m\.toml: source is empty"),
        ("value = 0.5", "value = 0.5\nleakage = true", "need a why"),
        ("value = 0.5", "value = 0.5\nunreliable = true", "need a why"),
        ("value = 0.5", 'value = 0.5\nwhy = "x"', "only these have one"),
        ("value = 0.5", 'value = 0.5\nrun_by = "us"', "run_by: expected one of authors, others"),
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
    names = [(r.method, r.protocol, r.metric, r.of, r.acc_definition, r.source) for r in rows]
    assert len(set(names)) == len(names)


def test_a_mean_that_contradicts_its_categories_is_refused_unless_the_row_says_so() -> None:
    apple = ", ".join(f"c{n} = 0.6" for n in range(15))
    text = ROW + f"by_category = {{ {apple} }}\n"
    with pytest.raises(CadbenchError, match=r"by_category is 0\.6000, and value is 0\.5"):
        list(parse_published(text, "m.toml"))
    (row,) = parse_published(text + 'unreliable = true\nwhy = "it does not fit"\n', "m.toml")
    assert row.unreliable


def test_only_rows_that_say_so_have_a_mean_other_than_that_of_their_categories() -> None:
    odd = [
        (row.dataset, row.metric, row.method)
        for row in load_published()
        if len(row.by_category) >= 12
        and row.value
        != pytest.approx(sum(row.by_category.values()) / len(row.by_category), abs=6e-4)
    ]
    assert odd == [("mvtec", "pixel_ap", "DFM")]


def test_keys_that_rows_share_are_those_of_each_row_that_does_not_set_them() -> None:
    shared = ROW.replace("[[row]]", '[shared]\nbackbone = "x"\nvalue = 0.1\n[[row]]')
    (row,) = parse_published(shared, "m.toml")
    assert (row.backbone, row.value) == ("x", 0.5)
    with pytest.raises(CadbenchError, match="unknown key 'valeu'"):
        list(parse_published(shared.replace("value = 0.1", "valeu = 0.1"), "m.toml"))


def test_a_stream_of_a_part_of_a_dataset_does_not_cover_it() -> None:
    rows = {row.source: row for row in load_published() if row.schedule}
    assert covers_dataset(rows["arXiv:2512.15323"])
    clad = next(row for row in rows.values() if row.source.startswith("CLAD"))
    assert categories_in(clad.schedule) == 10
    assert not covers_dataset(clad)
    assert categories_in("10-1x5") == categories_in("14-1") == categories_in("3x5") == 15


def test_what_was_corrected_stays_corrected() -> None:
    rows = load_published()
    assert {row.method for row in rows if row.leakage} == {"UCAD", "CRAD, EfficientNet-b4"}
    ucad = [row for row in rows if row.source.startswith("UCAD") and row.metric == "image_auroc"]
    assert {(row.acc_definition, row.routing) for row in ucad} == {("acc_learned", "oracle")}
    assert ucad[0].value == 0.93
    replay = [row for row in rows if row.source.startswith("ReplayCAD")]
    assert {row.checked for row in replay} == {"secondary"}
    for source in ("ADer", "anomalib"):
        assert {row.checked for row in rows if row.source.startswith(source)} == {"source"}
    assert {row.method for row in rows if row.unreliable} == {
        "DFM", "DINOSaur", "CFA, replay of 300 images",
    }  # fmt: skip


def test_mecad_rows_hold_the_sweep_and_the_five_expert_assignment() -> None:
    rows = [row for row in load_published() if row.source == "arXiv:2512.15323"]
    auroc = {row.method: row.value for row in rows if row.metric == "image_auroc"}
    assert len(auroc) == 6
    assert max(auroc, key=lambda method: auroc[method] or 0) == "MECAD, 4 experts"
    (memory,) = (row for row in rows if row.metric == "utilization")
    assert sorted(len(categories) for categories in memory.assignment.values()) == [1, 1, 3, 5, 5]
    for expert, categories in memory.assignment.items():
        assert memory.by_expert[expert] == pytest.approx(len(categories) * 400 / 2400, abs=1e-4)
