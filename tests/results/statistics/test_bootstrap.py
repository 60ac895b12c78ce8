"""Bootstrap intervals against a plain slow bootstrap, and what they must not be fooled by."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from cadbench.results.analysis import comparison, quantities
from cadbench.results.analysis.comparison import compare
from cadbench.results.analysis.quantities import (
    QUANTITIES,
    Reading,
    quantity,
    stored_matrix,
)
from cadbench.results.analysis.rows import rows_of
from cadbench.results.metrics.registry import IMAGE_METRICS, MATRIX_METRICS
from cadbench.results.records.record import Record
from cadbench.results.rendering.markdown import to_csv, to_markdown
from cadbench.results.rendering.table import Spread, Table
from cadbench.results.statistics import bootstrap_run as resampled
from cadbench.results.statistics.bootstrap import Bootstrap, mean_over_runs, percentiles
from cadbench.results.statistics.bootstrap_draws import Draws
from cadbench.results.statistics.bootstrap_run import ResampledRun
from cadbench.results.statistics.intervals import NO_PIXEL_INTERVAL
from cadbench.results.tables.comparison import experts_tables, main_tables, per_category_tables
from sklearn.metrics import roc_auc_score

from tests.results.samples import CATEGORIES, random_scores

STREAM = [[category] for category in CATEGORIES]
OWNER = {"apple": 0, "bolt": 0, "cork": 1}
COLUMNS = ("acc", "bwt", "fm", "gap_to_joint", "stored_vectors", "seconds")
B = 10


@pytest.fixture
def noisy(make_record):
    """noisy(numbers=seed, **changes): a record of random scores."""

    def make(numbers: int = 0, **changes) -> Record:
        owner = changes.get("owner")
        return make_record(scores=random_scores(STREAM, numbers, owner=owner), **changes)

    return make


def repeated(record: Record, draws: Draws, b: int, t: int, categories: list[str]) -> pd.DataFrame:
    """Scores, labels and routes of replicate b, each image as often as it was sampled."""
    scores = record.scores
    parts = []
    for category in categories:
        cell = scores[(scores["category"] == category) & (scores["experience"] == t)]
        cell = cell.sort_values(["label", "image"])
        counts = draws.images(cell["image"].tolist(), cell["label"].to_numpy() == 1)[:, b]
        parts.append(cell.loc[np.repeat(cell.index, counts.astype(int))])
    return pd.concat(parts)


def slow_matrix(record: Record, draws: Draws, b: int) -> np.ndarray:
    """R of replicate b by scikit-learn."""
    R = np.full((3, 3), np.nan)
    for t in range(1, 4):
        for c, category in enumerate(CATEGORIES):
            sample = repeated(record, draws, b, t, [category])
            R[t - 1, c] = roc_auc_score(sample["label"], sample["score"])
    return R


def test_replicates_are_those_of_a_plain_slow_bootstrap(noisy) -> None:
    record, draws = noisy(), Draws(B)
    R, s = ResampledRun(record, draws).matrix(tuple(CATEGORIES))
    assert R.shape == (B, 3, 3)
    assert s.tolist() == [1, 2, 3]
    for b in range(B):
        assert R[b] == pytest.approx(slow_matrix(record, draws, b), abs=1e-12)


def test_intervals_are_those_of_a_plain_slow_bootstrap_over_runs_and_images(noisy) -> None:
    draws = Draws(B)
    records = [
        noisy(i, seed=seed, order=order, owner=OWNER)
        for i, (seed, order) in enumerate([(0, "a"), (0, "b"), (1, "a"), (1, "b")])
    ]
    counts = Bootstrap(draws).run_counts(records)
    third = {"matrix": (), "chance": (0.5,), "owners": ([0, 0, 1],)}
    names = [name for name, metric in MATRIX_METRICS.items() if metric.needs in third]
    readings = [Reading(record, tuple(CATEGORIES)) for record in records]
    found = Bootstrap(draws).intervals([quantity(name).read for name in names], readings)
    s = [1, 2, 3]
    slow = [
        {b: slow_matrix(record, draws, b) for b in np.flatnonzero(sample)}
        for record, sample in zip(records, counts, strict=True)
    ]
    for name, interval in zip(names, found, strict=True):
        means = []
        for b in range(B):
            values = []
            for matrices, count in zip(slow, counts[:, b], strict=True):
                if not count:
                    continue
                R = matrices[b]
                metric = MATRIX_METRICS[name]
                value = metric.function(R, s, *third[metric.needs]).value
                values += [value] * int(count)
            if values:
                means.append(np.mean(values))
        assert (interval.low, interval.high) == pytest.approx(
            tuple(np.quantile(means, [0.025, 0.975])), abs=1e-12
        ), name


def test_pooled_auroc_and_routing_are_resampled_over_all_categories(noisy) -> None:
    record, draws = noisy(routing="inferred", owner=OWNER), Draws(B)
    run = ResampledRun(record, draws)
    for b in range(B):
        sample = repeated(record, draws, b, 3, CATEGORIES)
        assert run.pooled_auroc()[b] == pytest.approx(
            roc_auc_score(sample["label"], sample["score"])
        )
        right = sample["route"] == sample["category"].map(OWNER)
        assert run.routing_accuracy()[b] == pytest.approx(right.mean())
    reads = [quantity(name).read for name in ("pooled_auroc", "routing_accuracy")]
    for interval, read in zip(
        Bootstrap(draws).intervals(reads, [Reading(record, tuple(CATEGORIES))]), reads, strict=True
    ):
        assert interval.resampled == "images"
        assert interval.low < read(Reading(record, tuple(CATEGORIES))) < interval.high


def test_cells_that_an_experience_leaves_as_they_were_are_measured_once(noisy, monkeypatch) -> None:
    measured = []

    def auroc(scores, labels, weights):
        measured.append(scores)
        return np.zeros(weights.shape[1])

    fake = dataclasses.replace(IMAGE_METRICS["auroc"], weighted=auroc)
    monkeypatch.setitem(resampled.IMAGE_METRICS, "auroc", fake)
    ResampledRun(noisy(), Draws(3)).matrix(tuple(CATEGORIES))
    # apple changes at each of 3 experiences, bolt at 2 and 3 after 1, cork at 3 after 1
    assert len(measured) == 3 + 3 + 2


def test_an_interval_holds_the_mean_and_does_not_change_from_call_to_call(noisy) -> None:
    records = [noisy(seed, seed=seed) for seed in range(3)]
    first, second = (main_tables(records, bootstrap=Bootstrap())[0] for _ in range(2))
    assert first == second
    acc = spread(first, "AUROC")
    assert acc.low is not None
    assert acc.low < acc.mean < acc.high


def test_repeating_a_deterministic_method_does_not_narrow_its_interval(noisy) -> None:
    orders = ["a", "b", "c"]
    once = [noisy(i, order=order) for i, order in enumerate(orders)]
    often = [noisy(i, order=order, seed=s) for i, order in enumerate(orders) for s in range(5)]
    one, many = (spread(main_tables(r, bootstrap=Bootstrap())[0], "AUROC") for r in (once, often))
    assert one.n == 3
    assert (many.n, many.deviation) == (3, one.deviation)
    assert (many.low, many.high) == pytest.approx((one.low, one.high), abs=1e-12)


def test_more_seeds_that_differ_do_narrow_it(noisy) -> None:
    few, many = (
        spread(main_tables([noisy(s, seed=s) for s in range(n)], bootstrap=Bootstrap())[0], "AUROC")
        for n in (2, 20)
    )
    assert many.high - many.low < few.high - few.low


def test_one_run_has_image_intervals_only_and_the_note_says_so(noisy) -> None:
    table = main_tables([noisy()], columns=COLUMNS, bootstrap=Bootstrap())[0]
    assert not math.isnan(spread(table, "AUROC").low)
    assert math.isnan(spread(table, "stored vectors").low)
    assert any("resample test images (within category and label)" in n for n in table.notes)
    assert any("one seed and one order" in note for note in table.notes)
    assert any(note.startswith("no interval") and "stored vectors" in note for note in table.notes)


def test_values_that_do_not_depend_on_images_vary_over_runs(noisy) -> None:
    records = [noisy(s, seed=s) for s in (0, 1)]
    records[1].run["seconds"]["total"] = 5.0
    table = main_tables(records, columns=COLUMNS, bootstrap=Bootstrap())[0]
    assert (spread(table, "seconds").low, spread(table, "seconds").high) == (3.0, 5.0)
    assert math.isnan(spread(table, "stored vectors").low), "all runs have the same value"
    assert any(
        note.startswith("interval over runs only") and "seconds" in note for note in table.notes
    )
    assert any("and seeds," in note and "one order" in note for note in table.notes)


@pytest.mark.parametrize("seeds", [1, 3])
def test_pixel_metrics_have_no_interval_and_a_note_says_why(noisy, monkeypatch, seeds) -> None:
    def with_pixels(record, categories=None, base="auroc"):
        R, s = stored_matrix(record, categories, base)
        return (R, s) if base in IMAGE_METRICS else (np.full_like(R, 0.5 + 0.1 * record.seed), s)

    for module in (quantities, comparison):
        monkeypatch.setattr(module, "stored_matrix", with_pixels)
    records = [noisy(seed, seed=seed) for seed in range(seeds)]
    columns = ["acc", "aupro.acc", "pixel_ap.fm", "stored_mb"]
    table = main_tables(records, columns=columns, bootstrap=Bootstrap())[0]
    assert spread(table, "AUROC").low < spread(table, "AUROC").high
    assert spread(table, "AUPRO").mean == pytest.approx(0.45 + 0.05 * seeds)
    assert math.isnan(spread(table, "AUPRO").low)
    assert math.isnan(spread(table, "pixel AP fm").low)
    assert NO_PIXEL_INTERVAL in table.notes


def test_the_gap_of_joint_to_itself_is_nothing_in_every_replicate(noisy) -> None:
    records = [noisy(0, method="joint", params={}), noisy(1)]
    table = main_tables(records, columns=COLUMNS, bootstrap=Bootstrap())[0]
    gaps = [row[[c.name for c in table.columns].index("gap_to_joint")] for row in table.rows]
    assert (gaps[0].low, gaps[0].high) == (0.0, 0.0)
    # The same images for both, so the gap varies less than the two of them apart.
    joint, mecad = (row[[c.name for c in table.columns].index("AUROC")] for row in table.rows)
    assert gaps[1].low >= joint.low - mecad.high
    assert gaps[1].high <= joint.high - mecad.low


def test_intervals_work_where_runs_are_missing_and_in_every_kind_of_table(noisy) -> None:
    runs = [(0, "a"), (0, "b"), (1, "a")]
    records = [noisy(i, seed=s, order=o) for i, (s, o) in enumerate(runs)]
    for tables in (main_tables, experts_tables, per_category_tables):
        table = tables(records, bootstrap=Bootstrap())[0]
        name = "mean" if tables is per_category_tables else "AUROC"
        cell = spread(table, name)
        assert cell.low < cell.mean < cell.high
    assert spread(table, "apple").low < spread(table, "apple").mean


def test_memory_stays_bounded_by_working_on_replicates_in_parts(noisy, monkeypatch) -> None:
    record = noisy(routing="inferred", owner=OWNER)
    reads = [each.read for each in QUANTITIES.values()]
    reading = [Reading(record, tuple(CATEGORIES), record)]
    expected = Bootstrap(Draws(B)).intervals(reads, reading)
    monkeypatch.setattr("cadbench.results.statistics.bootstrap._ROOM", 40)
    assert repr(Bootstrap(Draws(B)).intervals(reads, reading)) == repr(expected)


def test_without_intervals_nothing_changes(noisy) -> None:
    records = [noisy(s, seed=s) for s in (0, 1)]
    table = main_tables(records)[0]
    acc = spread(table, "AUROC")
    assert f" {acc.mean:.3f} ± {acc.deviation:.3f} |" in to_markdown(table)
    assert "bootstrap" not in to_markdown(table)
    assert "AUROC,AUROC sd,AUROC n,pixel AUROC," in to_csv(table)


def test_intervals_are_written_behind_the_deviation_and_in_two_columns_of_csv(noisy) -> None:
    table = main_tables([noisy(s, seed=s) for s in (0, 1)], bootstrap=Bootstrap())[0]
    acc = spread(table, "AUROC")
    text = f"{acc.mean:.3f} ± {acc.deviation:.3f} [{acc.low:.3f}, {acc.high:.3f}]"
    assert text in to_markdown(table)
    header, row = to_csv(table).splitlines()
    assert "AUROC,AUROC sd,AUROC n,AUROC low,AUROC high,pixel AUROC," in header
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert float(cells["AUROC low"]) == acc.low
    assert float(cells["AUROC high"]) == acc.high


def test_rows_share_their_draws(noisy) -> None:
    records = [noisy(0), noisy(0, method="copy")]
    compared = compare("oracle", rows_of(records))
    bootstrap = Bootstrap(Draws(B))
    one, other = (
        bootstrap.intervals([quantity("acc").read], readings) for readings in compared.readings
    )
    assert one == other


def test_mean_over_runs_leaves_undefined_values_out() -> None:
    values = np.array([[1.0, 1.0, 1.0], [3.0, np.nan, 3.0]])
    counts = np.array([[1, 1, 0], [1, 1, 0]], dtype=np.float32)
    assert mean_over_runs(values, counts) == pytest.approx([2.0, 1.0, math.nan], nan_ok=True)
    assert percentiles(np.array([math.nan, math.nan])) == pytest.approx(
        (math.nan,) * 2, nan_ok=True
    )


def spread(table: Table, name: str) -> Spread:
    value = table.rows[0][[column.name for column in table.columns].index(name)]
    assert isinstance(value, Spread)
    return value
