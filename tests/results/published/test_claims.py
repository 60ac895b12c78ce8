"""A claim in one line: the authors' number, ours, those of others, and whether they agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cadbench
import pytest
from cadbench.results.published.claims import claims_of
from cadbench.results.published.claims_table import claims_tables
from cadbench.results.published.rows import PublishedRow, load_published
from cadbench.results.records.record import Record
from cadbench.results.rendering.table import Marked, Spread, Table, Value
from cadbench.results.rendering.terminal import to_text

from tests.results.paper_runs import MEAN, write_paper_run
from tests.results.published.test_appending import row
from tests.results.tables.test_comparison import column, one

Lines = dict[str, dict[str, Value]]


def lines(table: Table) -> Lines:
    names = [heading.name for heading in table.columns]
    return {str(cells[0]): dict(zip(names, cells, strict=True)) for cells in table.rows}


def claim(**changes: Any) -> PublishedRow:
    given = {"routing": "oracle", "ours": "mecad", "experts": 5, "backbone": "wide_resnet50_2"}
    return row(**{**given, "value": MEAN, **changes})


def status(*published: PublishedRow, records: list[Record]) -> tuple[str, str]:
    cell = one(claims_tables(published, records)).rows[0][4]
    assert isinstance(cell, Marked)
    return str(cell.value), cell.note


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return write_paper_run(tmp_path_factory.mktemp("paper"))


def test_claim_ours_and_the_numbers_of_others_are_in_one_line(run: Record) -> None:
    others = [claim(value=0.5, run_by="others", source=name) for name in ("A", "B")]
    table = one(claims_tables([*others, claim(value=0.79)], [run]))
    (line,) = lines(table).values()
    assert line["claim"] == 0.79
    assert isinstance(line["ours"], Spread)
    assert line["ours"].mean == pytest.approx(MEAN)
    assert isinstance(line["others"], Marked)
    assert line["others"].value == "0.500, 0.500"
    assert line["others"].note == "printed by A; printed by B"


@pytest.mark.parametrize(
    ("change", "word", "reason"),
    [
        ({}, "reproduced", "+0.000"),
        ({"value": MEAN - 0.009}, "reproduced", "+0.009"),
        ({"value": MEAN + 0.05}, "differs", "-0.050"),
        ({"value": MEAN + 0.05, "run_by": "others"}, "differs", "-0.050"),
        ({"backbone": ""}, "reproduced", "does not state the backbone"),
        ({"routing": "not stated"}, "reproduced", "does not state the routing"),
        ({"backbone": "vit"}, "not comparable: backbone", "ours is wide_resnet50_2, theirs vit"),
        ({"routing": "inferred"}, "not comparable: protocol", "our routing is oracle only"),
        ({"acc_definition": "own mean"}, "not comparable: definition", "own mean"),
        ({"leakage": True, "why": "best epoch"}, "not comparable: leakage", "best epoch"),
        ({"unreliable": True, "why": "two values"}, "not comparable: unreliable", "two values"),
        ({"ours": ""}, "not run here", "no built-in method"),
        ({"ours": "patchcore"}, "not run here", "--method patchcore"),
        ({"experts": 8}, "not run here", "number of experts"),
        ({"schedule": "3x5"}, "not run here", "no record of it"),
        ({"schedule": "1x10"}, "not comparable: protocol", "does not name the categories"),
        ({"metric": "pixel_ap"}, "not run here", "lack pixel_ap"),
    ],
)
def test_the_status_says_whether_ours_agrees_or_why_it_is_not_compared(
    run: Record, change: dict[str, Any], word: str, reason: str
) -> None:
    found = status(claim(**change), records=[run])
    assert found[0] == word
    assert reason in found[1]


def test_ours_has_the_claimed_definition_only(run: Record) -> None:
    published = [claim(), claim(acc_definition="acc_learned", value=1.0)]
    final, learned = claims_tables(published, [run])
    ours = [lines(table)["M"]["ours"] for table in (final, learned)]
    assert [each.mean for each in ours if isinstance(each, Spread)] == pytest.approx(
        [MEAN, 14.8 / 15]
    )


def test_numbers_by_other_definitions_are_named_with_their_definition() -> None:
    final = row(run_by="others", source="re-run", value=0.798)
    learned = row(acc_definition="acc_learned", value=0.93)
    tables = claims_tables([final, learned])
    assert len(tables) == 2
    for table, other in zip(
        tables, ("S prints 0.930 (acc_learned)", "re-run prints 0.798 (acc)"), strict=True
    ):
        cell = table.rows[0][4]
        assert isinstance(cell, Marked)
        assert other in cell.note


def test_deviations_over_seeds_widen_what_counts_as_reproduced(tmp_path) -> None:
    from tests.results.paper_runs import FINAL

    records = [
        write_paper_run(tmp_path, final={**FINAL, "screw": screw}, seed=seed)
        for seed, screw in enumerate((0.15, 0.45, 0.75))
    ]
    assert status(claim(value=MEAN + 0.03), records=records)[0] == "reproduced"
    assert status(claim(value=MEAN + 0.06), records=records)[0] == "differs"


def test_of_several_rows_the_claimed_backbone_comes_first_then_the_defaults(
    tmp_path, run: Record
) -> None:
    from cadbench.results.published.reproductions import find_reproduction

    other = write_paper_run(tmp_path, backbone="tf_efficientnet_lite0")
    changed = write_paper_run(tmp_path, replay_ratio=0.9)
    ((only,),) = claims_of([claim()]).values()
    defaults = {"mecad": run.params}
    for records in ([other, changed, run], [run, other, changed]):
        found = find_reproduction(only, records, defaults)
        assert found is not None
        assert found.row.first.key == run.key
    assert find_reproduction(only, [other]).backbone == "tf_efficientnet_lite0"


def test_no_table_of_claims_mixes_definitions_and_all_need_no_record() -> None:
    published = load_published()
    for (dataset, schedule, metric, mean), claims in claims_of(published).items():
        for each in (printed for found in claims for printed in found.rows):
            assert (each.dataset, each.schedule) == (dataset, schedule)
            assert (each.metric, each.acc_definition) == (metric, mean)
    words = {
        str(cell.value if isinstance(cell, Marked) else cell)
        for table in claims_tables(published)
        for cell in column(table, "status")
    }
    assert words == {"not run here"} | {
        f"not comparable: {why}" for why in ("leakage", "unreliable", "definition", "protocol")
    }
    continual = [r for r in published if r.acc_definition not in ("", "not continual")]
    assert sum(len(c.rows) for found in claims_of(published).values() for c in found) == len(
        continual
    )


def test_tables_of_claims_fit_a_terminal_of_80_columns(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for table in claims_tables(load_published()):
        assert max(map(len, to_text(table).splitlines())) <= 80


def test_results_have_the_claims_of_their_stream(run: Record, make_record: Callable[..., Record]):
    table = cadbench.Results((run,)).table("published")
    assert table.title == "Claims: mvtec, 1x15, image_auroc acc"
    five = lines(table)["MECAD, 5 experts"]
    assert isinstance(five["ours"], Spread)
    assert "pixel_ap acc" in cadbench.Results((run,)).table("published", metric="pixel_ap").title
    assert len(cadbench.Results().tables("published")) > 20
    for records in ((), (make_record(),)):
        with pytest.raises(cadbench.UsageError, match="no published claim is about"):
            cadbench.Results(records).table("published")
    with pytest.raises(cadbench.UsageError, match="mvtec 1x15; synthetic 1x3"):
        cadbench.Results((run, make_record())).table("published")


def test_every_method_that_implements_a_published_one_exists() -> None:
    from cadbench.benchmark.plugins.methods import load_method

    for name in {each.ours for each in load_published() if each.ours}:
        assert load_method(name)
