"""Published rows beside ours: the same stream, the same definition, marked for what they are."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from cadbench.results.published.appending import OURS
from cadbench.results.published.rows import PublishedRow, load_published
from cadbench.results.published.tables import published_tables
from cadbench.results.records.record import Record
from cadbench.results.rendering.markdown import to_csv, to_markdown
from cadbench.results.rendering.table import Marked, Table, Value
from cadbench.results.tables.comparison import experts_tables, main_tables, per_category_tables

from tests.results.paper_runs import MEAN, PAPER, write_paper_run
from tests.results.tables.test_comparison import column, means, one

PUBLISHED = load_published()
SUBSET = {name: PAPER[name] for name in ("bottle", "carpet", "screw", "zipper")}


def row(**changes: object) -> PublishedRow:
    given = {
        "method": "M",
        "protocol": "MVTec AD, 1x15",
        "dataset": "mvtec",
        "schedule": "1x15",
        "routing": "not stated",
        "metric": "image_auroc",
        "acc_definition": "acc",
        "value": 0.5,
        "checked": "source",
        "source": "S",
    }
    return PublishedRow(**{**given, **changes})  # type: ignore[arg-type]


def rows_of(table: Table, source: str) -> list[dict[str, Value]]:
    names = [column.name for column in table.columns]
    found = [dict(zip(names, cells, strict=True)) for cells in table.rows]
    return [
        cells
        for cells in found
        if (cells["source"].value if isinstance(cells["source"], Marked) else cells["source"])
        == source
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return write_paper_run(tmp_path_factory.mktemp("paper"))


@pytest.fixture(scope="module")
def table(run) -> Table:
    return one(main_tables([run], published=PUBLISHED))


def test_ours_come_first_and_theirs_are_counted_as_quoted(table: Table) -> None:
    sources = column(table, "source")
    assert sources[0] == OURS
    assert table.quoted == len(sources) - 1 > 10
    assert means(table, "AUROC")[0] == pytest.approx(MEAN)


def test_published_rows_enter_no_mean_and_no_number_of_ours(run, table: Table) -> None:
    alone = one(main_tables([run]))
    ours = rows_of(table, OURS)[0]
    for place, heading in enumerate(alone.columns):
        assert str(ours[heading.name]) == str(alone.rows[0][place])


def test_the_mean_of_the_last_row_stands_under_auroc(table: Table) -> None:
    mecad = {r["method"]: r for r in rows_of(table, "arXiv:2512.15323")}
    five = mecad["MECAD, 5 experts"]["AUROC"]
    assert isinstance(five, Marked)
    assert five.value == 0.8259
    assert mecad["MECAD, 4 experts"]["AUROC"] == 0.8269


def test_printed_forgetting_has_a_column_of_its_own_and_a_footnote_a_definition(
    table: Table,
) -> None:
    for name in ("bwt", "fm"):
        assert all(math.isnan(value) for value in means(table, name)[1:])
    assert math.isnan(means(table, "printed forgetting")[0])
    marks = {}
    for cell in column(table, "printed forgetting"):
        if isinstance(cell, Marked):
            marks.setdefault(cell.note, set()).add(cell.mark)
    assert len(marks) >= 6
    footnotes = dict(line.split("] ", 1) for line in table.notes if line.startswith("["))
    for note, used in marks.items():
        (mark,) = used
        assert note == "; ".join(footnotes[f"[{number}"] for number in mark[1:-1].split(","))


def test_secondary_leaking_and_unstated_rows_are_marked(table: Table) -> None:
    (ucad,) = rows_of(table, "UCAD (AAAI 2024)")
    assert ucad["checked"] == "secondary, leakage"
    assert ucad["routing"] == "oracle"
    (cadic,) = rows_of(table, "arXiv:2511.08634")
    assert cadic["checked"] == "source, forgetting secondary"
    assert {r["checked"] for r in rows_of(table, "arXiv:2512.15323")} == {"source"}
    assert {r["routing"] for r in rows_of(table, "arXiv:2512.15323")} == {"oracle"}
    assert any("not stated" in note for note in table.notes)


def test_the_mean_over_steps_stands_only_under_its_own_heading(run) -> None:
    published = [
        row(value=0.3),
        row(value=0.7, acc_definition="acc_incremental"),
        row(value=0.9, acc_definition="some other mean"),
    ]
    columns = ["acc", "acc_incremental"]
    both = one(main_tables([run], columns=columns, published=published))
    assert means(both, "AUROC")[1:] == [0.3]
    assert means(both, "acc_incremental")[1:] == [0.7]
    only = one(main_tables([run], columns=["acc"], published=published[1:]))
    assert only.quoted == 0
    assert "none has a number with the definition of a column here" in only.notes[-1]


def test_a_metric_of_pixels_never_stands_under_one_of_images(run) -> None:
    published = [row(metric="pixel_auroc", value=0.9)]
    table = one(main_tables([run], published=published))
    assert table.quoted == 1
    assert means(table, "pixel AUROC")[-1] == 0.9
    assert math.isnan(means(table, "AUROC")[-1])
    images = one(main_tables([run], columns=["acc"], published=published))
    assert images.quoted == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schedule": "14-1"}, "none has schedule 1x15 (only 14-1); a mean over 15"),
        ({"dataset": "visa"}, "none is about mvtec (only about visa)"),
        ({"routing": "inferred"}, "have a routing other than oracle"),
    ],
)
def test_where_no_row_matches_a_note_says_why(run, change: dict[str, str], why: str) -> None:
    table = one(main_tables([run], published=[row(**change)]))
    plain = one(main_tables([run]))
    assert (table.columns, str(table.rows)) == (plain.columns, str(plain.rows))
    assert len(table.notes) == len(plain.notes) + 1
    assert why in table.notes[-1]


def test_a_subset_of_the_categories_stands_alone(tmp_path: Path) -> None:
    record = write_paper_run(tmp_path, SUBSET)
    table = one(main_tables([record], published=PUBLISHED))
    assert table.quoted == 0
    assert "none has schedule 1x4" in table.notes[-1]
    assert "a mean over 4 categories" in table.notes[-1]


def test_a_mean_that_leaves_categories_out_has_nothing_beside_it(make_record) -> None:
    holed = [[0.9, math.nan, 0.9]] * 3
    record = make_record(R=holed, dataset="mvtec", schedule="1x15")
    table = one(main_tables([record], published=[row()]))
    assert table.quoted == 0
    assert "leave out categories" in table.notes[-1]


def test_the_sweep_over_experts_has_the_rows_that_say_how_many(run) -> None:
    table = one(experts_tables([run], published=PUBLISHED))
    assert column(table, "experts") == [5, 1, 2, 3, 4, 5, 8]
    assert table.quoted == 6


def test_categories_of_the_stream_stand_beside_and_those_of_none_apart(run) -> None:
    beside, apart = per_category_tables([run], published=PUBLISHED)
    assert column(beside, "source")[0] == OURS
    assert means(beside, "screw")[0] == pytest.approx(0.45)
    assert means(beside, "mean")[0] == pytest.approx(MEAN)
    (mecad,) = rows_of(beside, "arXiv:2512.15323")
    assert (mecad["screw"], mecad["mean"]) == (0.4384, 0.8259)
    assert not rows_of(beside, "UCAD (AAAI 2024)")
    assert "not continual" in apart.title
    assert len(apart.rows) == apart.quoted == 2
    assert means(apart, "mean") == pytest.approx([0.98, 0.9916])
    assert column(apart, "checked") == ["source", "source"]


def test_single_categories_of_a_subset_are_shown_apart_without_a_mean(tmp_path: Path) -> None:
    record = write_paper_run(tmp_path, SUBSET)
    ours, apart = per_category_tables([record], published=PUBLISHED)
    assert ours.quoted == 0
    assert "none has numbers per category" in ours.notes[-1]
    assert means(apart, "screw") == pytest.approx([0.96, 0.9877])
    assert all(math.isnan(value) for value in means(apart, "mean"))


def test_markdown_shows_the_marks_and_csv_the_definitions(table: Table) -> None:
    markdown = to_markdown(table)
    assert "-0.374 [" in markdown
    header, *lines = to_csv(table).splitlines()
    assert "printed forgetting,printed forgetting note" in header
    assert "AUROC,AUROC sd,AUROC n,AUROC note" in header
    (gap,) = (line for line in lines if ",ReplayCAD," in line)
    assert "0.045,printed forgetting: gap to training on all real data" in gap
    assert "[" not in to_csv(table)


def test_all_published_rows_are_in_tables_of_one_stream_and_columns_of_one_definition() -> None:
    tables = published_tables(PUBLISHED)
    titles = [table.title for table in tables]
    for stream in ("mvtec, 1x15, image_auroc acc", "mvtec, 1x15, image_auroc acc_learned"):
        assert f"Claims: {stream}" in titles
    assert "Published: mvtec, not continual" in titles
    shown = sum(
        isinstance(cell, Marked | float)
        for table in tables
        if table.title.startswith("Published: ")
        for cells in table.rows
        for cell, heading in zip(cells, table.columns, strict=True)
        if heading.numeric
    )
    assert shown == sum(row.acc_definition == "not continual" for row in PUBLISHED)
    step = next(
        table for table in tables if table.title.endswith("14-1, image_auroc acc of max(v, 1 - v)")
    )
    assert means(step, "claim")[0] == 0.955
    assert any(table.title.startswith("Published assignment") for table in tables)
