"""Pairs of rows: units, differences, tests and intervals against the libraries and plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from cadbench.results.analysis.quantities import stored_matrix
from cadbench.results.analysis.rows import rows_of
from cadbench.results.metrics.registry import IMAGE_METRICS
from cadbench.results.statistics.bootstrap import Bootstrap
from cadbench.results.statistics.bootstrap_draws import Draws
from cadbench.results.statistics.friedman import ranking
from cadbench.results.statistics.intervals import NO_PIXEL_INTERVAL
from cadbench.results.statistics.paired import Paired, bases_of, paired
from cadbench.results.statistics.wilcoxon import signed_ranks
from cadbench.results.tables.paired import paired_tables, row_titles
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from tests.results.samples import MATRIX, random_scores

NAMES = [f"part{i}" for i in range(8)]
STREAM = [[name] for name in NAMES]
BETTER = [[0.9, 0.5, 0.5], [0.9, 0.9, 0.5], [0.9, 0.9, 0.9]]
B = 20


@pytest.fixture
def rows(make_record):
    """rows(methods, runs): one row of random scores per method, all with the same runs."""

    def make(methods=("a", "b", "c"), runs=((0, "x"), (0, "y"), (1, "x"), (1, "y"))):
        records = [
            make_record(
                method=method,
                params={},
                seed=seed,
                order=order,
                categories=NAMES,
                experiences=STREAM,
                scores=random_scores(STREAM, 100 * m + i, good=5, defective=6),
            )
            for m, method in enumerate(methods)
            for i, (seed, order) in enumerate(runs)
        ]
        return rows_of(records)

    return make


@pytest.mark.parametrize("value", ["final", "learned", "change"])
@pytest.mark.parametrize("base", IMAGE_METRICS)
def test_a_unit_is_a_category_with_its_runs_averaged(rows, base, value) -> None:
    made = rows()
    units = paired(made, base, value, "category").units
    assert units.shape == (3, 8)
    for k, row in enumerate(made):
        of_runs = []
        for record in row.records:
            R, s = stored_matrix(record, NAMES, base)
            learned = [R[s[c] - 1, c] for c in range(8)]
            of_runs.append({"final": R[-1], "learned": learned, "change": R[-1] - learned}[value])
        assert units[k] == pytest.approx(np.mean(of_runs, axis=0), abs=1e-11)


def test_a_unit_may_be_every_category_seed_and_order(rows) -> None:
    made = rows()
    units = paired(made, "auroc", "final", "category_run").units
    assert units.shape == (3, 4 * 8)
    R, _ = stored_matrix(made[1].records[2], NAMES)
    assert units[1, 16:24].tolist() == R[-1].tolist()


def test_pairs_have_the_numbers_of_the_libraries(rows) -> None:
    compared = paired(rows(), "auroc", "final", "category")
    pairs = compared.pairs(None)
    assert [(pair.one, pair.other) for pair in pairs] == [(0, 1), (0, 2), (1, 2)]
    for pair in pairs:
        differences = np.round(compared.units[pair.one] - compared.units[pair.other], 12)
        assert pair.difference == pytest.approx(differences.mean())
        assert pair.wins + pair.ties + pair.losses == 8
        assert pair.wins == sum(differences > 0)
        assert pair.ties == sum(differences == 0)
        assert (pair.p, pair.effect) == (
            signed_ranks(differences).p,
            signed_ranks(differences).effect,
        )
        assert math.isnan(pair.low)
    holm = multipletests([pair.p for pair in pairs], method="holm")[1]
    assert [pair.p_holm for pair in pairs] == holm.tolist()


@pytest.mark.parametrize("unit", ["category", "category_run"])
@pytest.mark.parametrize("value", ["final", "learned", "change"])
def test_replicates_are_those_of_a_plain_slow_bootstrap(rows, value, unit) -> None:
    made = rows(methods=("a", "b"))
    bootstrap = Bootstrap(Draws(B))
    replicates = paired(made, "auroc", value, unit).replicates(bootstrap)
    assert replicates is not None
    assert replicates.shape == (2, B)
    counts = bootstrap.run_counts(made[0].records)
    for b in range(0, B, 7):
        if not counts[:, b].any():
            assert np.isnan(replicates[:, b]).all()
            continue
        for k, row in enumerate(made):
            of_runs = []
            for record, count in zip(row.records, counts[:, b].astype(int), strict=True):
                if count:
                    of_run = [sampled_value(record, bootstrap.draws, b, c, value) for c in range(8)]
                    of_runs += [of_run] * count
            expected = np.mean(of_runs)
            assert replicates[k, b] == pytest.approx(expected, abs=1e-12)


def sampled_value(record, draws: Draws, b: int, c: int, value: str) -> float:
    def auroc(t: int) -> float:
        scores = record.scores
        cell = scores[(scores["category"] == NAMES[c]) & (scores["experience"] == t)]
        cell = cell.sort_values(["label", "image"])
        counts = draws.images(cell["image"].tolist(), cell["label"].to_numpy() == 1)[:, b]
        sample = cell.loc[np.repeat(cell.index, counts.astype(int))]
        return float(roc_auc_score(sample["label"], sample["score"]))

    if value == "change":
        return auroc(8) - auroc(c + 1)
    return auroc({"final": 8, "learned": c + 1}[value])


def test_the_same_scores_differ_by_nothing_in_every_replicate(make_record) -> None:
    scores = random_scores(STREAM, 0)
    records = [
        make_record(method=m, categories=NAMES, experiences=STREAM, scores=scores) for m in "ab"
    ]
    compared = paired(rows_of(records), "auroc", "final", "category")
    (pair,) = compared.pairs(compared.replicates(Bootstrap()))
    assert (pair.difference, pair.low, pair.high) == (0, 0, 0)
    assert (pair.wins, pair.ties, pair.losses) == (0, 8, 0)
    assert math.isnan(pair.p)
    assert math.isnan(pair.p_holm)
    assert math.isnan(pair.effect)


def test_a_pixel_metric_has_no_interval_and_a_note_says_why(rows, monkeypatch) -> None:
    def pixel_matrix(record, categories, base):
        assert base == "pixel_auroc"
        R = np.full((8, 8), 0.5 + 0.1 * record.seed)
        return R, np.arange(1, 9)

    monkeypatch.setattr("cadbench.results.statistics.paired.stored_matrix", pixel_matrix)
    compared = paired(rows(), "pixel_auroc", "final", "category")
    assert compared.replicates(Bootstrap()) is None
    rows_table, pairs_table = tables(compared)
    assert NO_PIXEL_INTERVAL in rows_table.notes
    differences = [row[2] for row in pairs_table.rows]
    assert all(math.isnan(difference.low) for difference in differences)
    assert not any("interval" in note for note in pairs_table.notes)


def test_what_one_row_does_not_define_counts_for_none(make_record) -> None:
    holed = [[*row[:1], math.nan, *row[2:]] for row in BETTER]
    rows = rows_of([make_record(), make_record(method="joint", R=holed)])
    compared = paired(rows, "auroc", "final", "category")
    assert compared.units.tolist() == [[0.9, 0.9], [0.6, 0.95]]
    notes = [note for table in tables(compared) for note in table.notes]
    assert any("left out" in note and "bolt" in note for note in notes)
    # bolt is counted in the run where both have it, and there only
    more = [make_record(seed=1, R=BETTER), make_record(seed=1, method="joint", R=MATRIX)]
    every = rows_of([record for row in rows for record in row.records] + more)
    both = paired(every, "auroc", "final", "category_run")
    assert both.units.shape == (2, 2 + 3)


def tables(compared: Paired):
    titles = row_titles(compared.rows)
    return paired_tables(compared, titles, ranking(compared.units), Bootstrap(Draws(B)), 0.05)


def test_the_tables_rank_rows_and_list_pairs(rows) -> None:
    compared = paired(rows(), "auroc", "final", "category")
    of_rows, of_pairs = tables(compared)
    ranks = [row[2] for row in of_rows.rows]
    assert ranks == sorted(ranks)
    assert [column.name for column in of_pairs.columns] == [
        *("row", "against", "difference", "wins", "ties", "losses"),
        *("p", "p (Holm)", "p (Nemenyi)", "effect"),
    ]
    assert [row[:2] for row in of_pairs.rows] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert any("Friedman" in note for note in of_rows.notes)
    assert any("seeds and orders, the same for all rows" in note for note in of_rows.notes)


def test_two_rows_have_no_ranks(rows) -> None:
    of_rows, of_pairs = tables(paired(rows(methods=("a", "b")), "auroc", "final", "category"))
    assert len(of_rows.columns) == 2
    assert not any("Friedman" in note for note in of_rows.notes)
    assert "p (Nemenyi)" not in [column.name for column in of_pairs.columns]


def test_cells_as_units_are_warned_of(rows) -> None:
    made = rows()
    for unit, warned in (("category", False), ("category_run", True)):
        notes = tables(paired(made, "auroc", "final", unit))[1].notes
        assert any("not independent" in note for note in notes) is warned


def test_few_categories_say_how_small_p_can_become(make_record) -> None:
    rows = rows_of([make_record(), make_record(method="joint", R=BETTER)])
    notes = tables(paired(rows, "auroc", "final", "category"))[1].notes
    assert "with 3 categories no p lies below 0.25, whatever the difference" in notes


def test_one_category_is_not_tested(make_record) -> None:
    records = [
        make_record(method=method, R=[[value]], categories=["apple"], experiences=[["apple"]])
        for method, value in (("a", 0.5), ("b", 0.6), ("c", 0.7))
    ]
    of_rows, of_pairs = tables(paired(rows_of(records), "auroc", "final", "category"))
    assert all(math.isnan(row[2]) for row in of_rows.rows)
    assert any(note.startswith("no ranks") for note in of_rows.notes)
    for row in of_pairs.rows:
        assert all(math.isnan(p) for p in row[6:9])
    assert any(
        note.startswith("no test: there are fewer than two categories") for note in of_pairs.notes
    )


def test_no_common_category_leaves_dashes_and_no_crash(make_record) -> None:
    two = ["apple", "bolt"]
    records = [
        make_record(method=method, R=R, categories=two, experiences=[two])
        for method, R in (("a", [[0.5, math.nan]]), ("b", [[math.nan, 0.5]]), ("c", [[0.5, 0.5]]))
    ]
    of_rows, of_pairs = tables(paired(rows_of(records), "auroc", "final", "category"))
    assert all(math.isnan(row[1].mean) for row in of_rows.rows)
    assert all(math.isnan(row[2].mean) for row in of_pairs.rows)


def test_titles_tell_rows_apart(make_record) -> None:
    rows = rows_of([make_record(params={"experts": e}) for e in (1, 2)])
    assert row_titles(rows) == ["mecad experts=1", "mecad experts=2"]
    rows = rows_of([make_record(), make_record(backbone="other")])
    assert set(row_titles(rows)) == {"mecad other concat", "mecad tf_efficientnet_lite0 concat"}
    rows = rows_of([make_record(), make_record(preprocessing={"resize": 9, "crop": 9})])
    assert len(set(row_titles(rows))) == 2


def test_bases_are_what_all_runs_have(rows) -> None:
    assert bases_of(rows()) == sorted(IMAGE_METRICS)
