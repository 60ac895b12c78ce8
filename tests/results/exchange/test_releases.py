"""Records of earlier and later releases are imported, and each keeps its own metrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cadbench.benchmark.protocols.imported_run import check_protocol_of_run
from cadbench.results.analysis.quantities import quantity, stored_matrix
from cadbench.results.analysis.rows import rows_of
from cadbench.results.errors import RecordError
from cadbench.results.exchange.exporting import export_records
from cadbench.results.exchange.importing import import_records
from cadbench.results.exchange.verification import load_verified
from cadbench.results.metrics.compute import compute_metrics
from cadbench.results.metrics.compute import matrix as matrix_of_scores
from cadbench.results.metrics.registry import DEFAULT, METRICS, PIXEL_METRICS, split_name
from cadbench.results.records.parquet import write_table
from cadbench.results.records.record import Record, checksum, load_record, run_text
from cadbench.results.records.store import find_records
from cadbench.results.rendering.markdown import to_markdown
from cadbench.results.rendering.table import Table, Value, number
from cadbench.results.report.page import report_page
from cadbench.results.statistics.bootstrap import Bootstrap
from cadbench.results.statistics.paired import bases_of
from cadbench.results.tables.comparison import main_tables
from cadbench.results.tables.single_run import metrics_table

from tests.results.report.conftest import data_of

GOLDEN = Path(__file__).parent / "golden"

OF_0_1 = {
    ("mecad", "inferred"): ("2a70f5829e1639e0", 0.531667, -0.2, 0.120753, 0.451588, 0.511667),
    ("patchcore", "inferred"): ("6a6ce93254b1fced", 0.601667, -0.18, 0.097574, 0.25801, 0.562778),
    ("mecad", "oracle"): ("5b9dd4cec74c9585", 0.531667, -0.2, 0.120753, 0.451588, math.nan),
    ("patchcore", "oracle"): ("533e76edcecaaa78", 0.601667, -0.18, 0.097574, 0.25801, math.nan),
}
"""(method, routing) -> beginning of the key, acc, bwt, ap.fm, aupro.acc, pooled_auroc."""
COLUMNS = ("acc", "bwt", "ap.fm", "aupro.acc", "pooled_auroc")


def imported(source: Path, out: Path) -> list[Record]:
    results = list(import_records(source, out, check_protocol_of_run))
    assert [result.reason for result in results if result.state != "new"] == []
    return find_records(out, warn=pytest.fail)


def files_of(record: Record) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in record.path.iterdir()}


def values(table: Table, row: Sequence[Value], names: Iterable[str]) -> list[float]:
    headings = [column.name for column in table.columns]
    return [number(row[headings.index(quantity(name).column.name)]) for name in names]


@pytest.mark.parametrize("archive", sorted(GOLDEN.iterdir()), ids=lambda path: path.name)
def test_an_export_of_an_earlier_release_is_imported(archive: Path, tmp_path: Path) -> None:
    records = imported(archive, tmp_path / "runs")
    assert {(record.method, record.routing): record.key[:16] for record in records} == {
        name: key for name, (key, *_) in OF_0_1.items()
    }
    for bootstrap in (None, Bootstrap()):
        tables = main_tables(records, columns=(*COLUMNS, "fpr95.acc"), bootstrap=bootstrap)
        for table in tables:
            routing = "inferred" if "inferred routing" in table.title else "oracle"
            for row in table.rows:
                _, *expected = OF_0_1[str(row[0]), routing]
                assert values(table, row, COLUMNS) == pytest.approx(expected, abs=1e-6, nan_ok=True)
                (rate,) = values(table, row, ["fpr95.acc"])
                assert 0 <= rate <= 1  # computed from the scores
            assert to_markdown(table)


def test_the_rows_of_an_earlier_release_are_computed_in_the_same_order(tmp_path: Path) -> None:
    for record in imported(GOLDEN / "cadbench-0.1.0.tar.gz", tmp_path / "runs"):
        again = compute_metrics(record.scores, record.experiences, record.routing, record.events)
        names = [split_name(name)[0] if "." in name else name for name in record.metrics["metric"]]
        stored = record.metrics[[name not in PIXEL_METRICS for name in names]]
        again = again[again["metric"].isin(stored["metric"])]
        pd.testing.assert_frame_equal(
            again.reset_index(drop=True),
            stored.reset_index(drop=True),
            check_dtype=False,
            rtol=0,
            atol=1e-9,
        )


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_it_is_exported_and_imported_again_unchanged(ending: str, tmp_path: Path) -> None:
    first = imported(GOLDEN / "cadbench-0.1.0.tar.gz", tmp_path / "runs")
    again = tmp_path / f"again.{ending}"
    assert export_records(first, again, "9.9.9", check_protocol_of_run) == len(OF_0_1)
    second = imported(again, tmp_path / "other")
    assert [files_of(record) for record in first] == [files_of(record) for record in second]


def test_an_image_metric_that_an_earlier_release_lacked_follows_from_the_scores(
    tmp_path: Path,
) -> None:
    records = imported(GOLDEN / "cadbench-0.1.0.tar.gz", tmp_path / "runs")
    for record in records:
        assert "fpr95" not in set(record.metrics["metric"])
        R, s = stored_matrix(record, base="fpr95")
        expected = matrix_of_scores(record.scores, record.experiences, metric="fpr95")
        pd.testing.assert_frame_equal(pd.DataFrame(R), pd.DataFrame(expected[0]))
        assert s.tolist() == expected[1].tolist()
    data = data_of(report_page(records))
    assert all("fpr95.acc" in row["values"] for board in data["boards"] for row in board["rows"])


def changed(
    record: Record,
    rows: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows,
    **entries: Any,
) -> Record:
    """The record with other rows in metrics.parquet and other entries in run.json."""
    frame = rows(record.metrics.astype({"t": "Int16"}))
    write_table(record.path / "metrics.parquet", "metrics", frame)
    sums = {
        **record.run["checksums"],
        "metrics.parquet": checksum(record.path / "metrics.parquet"),
    }
    run = {**record.run, **entries, "checksums": sums}
    run = {name: value for name, value in run.items() if name != "seal"}
    (record.path / "run.json").write_bytes(run_text(run))
    return load_record(record.path, verify=True)


def with_rows_of(name: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Add a category metric `name`, its continual metrics, and a new continual metric."""

    def add(rows: pd.DataFrame) -> pd.DataFrame:
        base = rows[rows["metric"].isin([DEFAULT, "acc", "bwt"])]
        theirs = base.assign(
            metric=base["metric"].map({DEFAULT: name, "acc": f"{name}.acc", "bwt": "ap.newer"})
        )
        return pd.concat([rows, theirs.assign(value=7.0)])

    return add


def test_a_metric_of_a_newer_release_is_kept_and_ignored(make_record, tmp_path: Path) -> None:
    older = metrics_table(make_record(seed=1))
    further = {"metrics": [*METRICS, "gmap", "newer"], "entry_of_a_newer_release": {"x": [1]}}
    newer = changed(make_record(), with_rows_of("gmap"), **further)
    theirs = files_of(newer)
    export_records([newer], tmp_path / "new.zip", "9.9.9", check_protocol_of_run)
    (record,) = imported(tmp_path / "new.zip", tmp_path / "there")
    assert files_of(record) == theirs
    assert {"gmap", "gmap.acc", "ap.newer"} <= set(record.metrics["metric"])
    assert [column.name for column in metrics_table(record).columns] == [
        column.name for column in older.columns
    ]
    assert {row[0] for row in metrics_table(record).rows} == {row[0] for row in older.rows}
    assert "gmap" not in bases_of(rows_of([record]))
    assert "gmap" not in report_page([record])
    (table,) = main_tables([record])
    assert values(table, table.rows[0], ["acc"]) == pytest.approx([0.8])


def test_a_record_without_a_list_is_of_the_first_release(make_record, tmp_path: Path) -> None:
    older = changed(make_record(), lambda rows: rows[~rows["metric"].str.startswith("fpr95")])
    export_records([older], tmp_path / "old.zip", "0.1.0", check_protocol_of_run)
    assert imported(tmp_path / "old.zip", tmp_path / "there")[0].key == older.key


@pytest.mark.parametrize(
    ("rows", "metrics", "said"),
    [
        (lambda rows: rows[rows["metric"] != "fpr95.fm"], ["fpr95", "fm"], "fpr95.fm is missing"),
        (lambda rows: rows[rows["metric"] != "fpr95"], ["fpr95"], "fpr95 of apple after"),
        (lambda rows: rows[rows["metric"] != "acc"], [], "acc is missing"),
        (
            lambda rows: rows.assign(
                value=rows["value"].where(rows["metric"] != "fpr95.acc", 0.123)
            ),
            [],
            "fpr95.acc is 0.123 in the record",
        ),
    ],
)
def test_what_both_releases_know_must_be_there_and_agree(
    make_record, rows, metrics, said: str
) -> None:
    honest = changed(make_record(), metrics=list(METRICS))
    load_verified(honest.path)
    record = changed(honest, rows, metrics=metrics)
    with pytest.raises(RecordError, match=said):
        load_verified(record.path)
