"""A paper's tables beside ours, on recorded runs with the paper's assignment and others."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from cadbench.results.papers.paper import load_paper
from cadbench.results.papers.reproduction import Reproduction, reproductions
from cadbench.results.papers.tables import reproduction_tables
from cadbench.results.records.record import Record
from cadbench.results.rendering.markdown import to_markdown
from cadbench.results.rendering.table import Table, number

from tests.results.paper_runs import FINAL, MEAN, PAPER, write_paper_run
from tests.results.tables.test_comparison import column, means


def reproduce(*records: Record) -> Reproduction:
    (found,) = reproductions(load_paper("mecad"), records)
    return found


def tables(*records: Record) -> dict[str, Table]:
    """By the first word of their titles, the last word for `AUROC of categories`."""
    made = reproduction_tables(reproduce(*records))
    return {re.sub("AUROC of ", "", table.title).split(" ")[0].strip(":"): table for table in made}


def test_the_papers_own_assignment_agrees_in_everything(tmp_path: Path) -> None:
    found = tables(write_paper_run(tmp_path))
    assert means(found["Agreement"], "adjusted Rand index") == [1]
    assert column(found["Agreement"], "pairs together in both") == [23]
    assert column(found["Agreement"], "pairs apart in both") == [82]
    assert column(found["Agreement"], "pairs") == [105]
    assert column(found["Agreement"], "categories in the matching expert") == [15]
    assert set(column(found["Assignment"], "agree")) == {"yes"}


def test_utilization_is_the_papers_table(tmp_path: Path) -> None:
    memory = tables(write_paper_run(tmp_path))["Memory"]
    percents = [83.33, 50.0, 16.67, 16.67, 83.33]
    assert column(memory, "paper's expert") == [0, 1, 2, 3, 4]
    assert means(memory, "its utilization %") == pytest.approx(percents)
    assert means(memory, "our utilization %") == pytest.approx(percents, abs=0.01)
    assert means(memory, "difference") == pytest.approx([0] * 5, abs=0.01)
    # Of expert 1, carpet and wood fell by 0.2; zipper is the last category and cannot fall.
    assert means(memory, "our mean change")[1] == pytest.approx(-0.4 / 3)
    assert means(memory, "our worst change")[1] == pytest.approx(-0.2)


def test_other_numbers_of_the_same_experts_change_nothing(tmp_path: Path) -> None:
    permuted = {category: (expert + 2) % 5 for category, expert in PAPER.items()}
    found = tables(write_paper_run(tmp_path, permuted))
    assert means(found["Agreement"], "adjusted Rand index") == [1]
    assert column(found["Agreement"], "categories in the matching expert") == [15]
    assert column(found["Memory"], "our expert") == [2, 3, 4, 0, 1]
    assert means(found["Memory"], "difference") == pytest.approx([0] * 5, abs=0.01)
    assert set(column(found["Assignment"], "agree")) == {"yes"}


def test_another_assignment_has_the_index_that_is_worked_out_by_hand(tmp_path: Path) -> None:
    found = tables(write_paper_run(tmp_path, {**PAPER, "zipper": 2}))
    # Pairs together: theirs 10 + 3 + 10, ours 10 + 1 + 1 + 10, in both 10 + 1 + 10, of 105.
    expected = 23 * 22 / 105
    index = (21 - expected) / ((23 + 22) / 2 - expected)
    assert means(found["Agreement"], "adjusted Rand index") == pytest.approx([index])
    assert column(found["Agreement"], "pairs together in both") == [21]
    assert column(found["Agreement"], "pairs apart in both") == [105 - 23 - 22 + 21]
    assert column(found["Agreement"], "categories in the matching expert") == [14]
    disagree = dict(
        zip(*(column(found["Assignment"], name) for name in ("category", "agree")), strict=True)
    )
    assert [category for category, agree in disagree.items() if agree == "no"] == ["zipper"]


def test_means_stand_beside_the_papers_with_their_difference(tmp_path: Path) -> None:
    runs = [write_paper_run(tmp_path, experts=e, categories_per_expert=5) for e in (5, 6)]
    auroc = tables(*runs)["AUROC"]
    assert column(auroc, "experts") == [5, 6]
    assert means(auroc, "ours") == pytest.approx([MEAN, MEAN])
    assert means(auroc, "paper") == pytest.approx([0.8259, math.nan], nan_ok=True)
    assert means(auroc, "difference") == pytest.approx([MEAN - 0.8259, math.nan], nan_ok=True)
    assert not any("not the paper's configuration" in note for note in auroc.notes)


def test_each_reading_of_the_room_is_a_sweep_of_its_own_and_seeds_are_averaged(
    tmp_path: Path,
) -> None:
    worse = {**FINAL, "bottle": 0.85}
    runs = [
        write_paper_run(tmp_path, categories_per_expert=5),
        write_paper_run(tmp_path, categories_per_expert=6),
        write_paper_run(tmp_path, final=worse, categories_per_expert=6, seed=1),
    ]
    auroc = tables(*runs)["AUROC"]
    reading = "expert_centroid=categories, update=union"
    labels = [f"categories_per_expert={room}, {reading}" for room in (5, 6)]
    assert column(auroc, "parameters") == labels
    assert means(auroc, "ours") == pytest.approx([MEAN, MEAN - 0.005])
    assert column(auroc, "runs") == [1, 2]
    assert any("deviation over seeds" in note for note in auroc.notes)


def test_printed_forgetting_never_shares_a_column_with_a_definition_of_ours(
    tmp_path: Path,
) -> None:
    forgetting = tables(*(write_paper_run(tmp_path, experts=e) for e in (1, 2, 5)))["Forgetting"]
    assert means(forgetting, "printed forgetting") == pytest.approx(
        [-0.3736, math.nan, -0.1396], nan_ok=True
    )
    printed = {-0.3736, -0.1396}
    for name in ("bwt", "worst_drop", "expert_forgetting", "expert_worst_drop"):
        assert not printed & {round(value, 4) for value in means(forgetting, name)}
    assert any("does not define" in note for note in forgetting.notes)
    assert any(note.startswith("[1] printed forgetting: not given") for note in forgetting.notes)


def test_a_subset_says_so_and_sets_no_mean_against_the_papers(tmp_path: Path) -> None:
    some = {name: PAPER[name] for name in ("carpet", "leather", "screw", "zipper")}
    found = tables(write_paper_run(tmp_path, some))
    for table in found.values():
        assert any("4 of 15 categories (carpet, leather, screw, zipper)" in n for n in table.notes)
    for name in ("paper", "difference"):
        assert all(math.isnan(value) for value in means(found["AUROC"], name))
    assert means(found["Memory"], "difference") == pytest.approx([math.nan] * 5, nan_ok=True)
    assert all(math.isnan(number(v)) for v in column(found["Forgetting"], "printed forgetting"))
    assert set(column(found["Claims"], "holds")) == {"cannot be said"}
    assert means(found["Agreement"], "adjusted Rand index") == [1]
    assert column(found["Agreement"], "categories") == [4]


def test_single_categories_that_the_paper_prints_are_compared_on_a_subset_too(
    tmp_path: Path,
) -> None:
    some = {name: PAPER[name] for name in ("carpet", "screw", "zipper")}
    table = tables(write_paper_run(tmp_path, some))["categories"]
    assert column(table, "category") == ["screw"]
    assert means(table, "difference") == pytest.approx([0.45 - 0.4384])


def test_other_features_say_so_and_set_no_mean_against_the_papers(tmp_path: Path) -> None:
    record = write_paper_run(
        tmp_path, backbone="tf_efficientnet_lite0", embedding="concat", threshold=0.6063
    )
    found = tables(record)
    for table in found.values():
        assert any(
            "tf_efficientnet_lite0 concat instead of wide_resnet50_2 official" in note
            and "threshold=0.6063 instead of 0.9" in note
            for note in table.notes
        )
    assert all(math.isnan(value) for value in means(found["AUROC"], "paper"))


def test_other_features_and_images_are_reproductions_of_their_own(tmp_path: Path) -> None:
    some = {name: PAPER[name] for name in ("carpet", "screw")}
    runs = [write_paper_run(tmp_path), write_paper_run(tmp_path, some)]
    assert len(reproductions(load_paper("mecad"), runs)) == 2


def test_without_the_number_of_experts_that_the_paper_assigns_nothing_is_made_up(
    tmp_path: Path,
) -> None:
    found = tables(write_paper_run(tmp_path, experts=3))
    assert not {"Memory", "Agreement", "Assignment"} & found.keys()
    assert any("no run with 5 experts" in note for note in found["AUROC"].notes)


def test_claims_are_answered_for_every_sweep(tmp_path: Path) -> None:
    claims = tables(*(write_paper_run(tmp_path, experts=e) for e in range(1, 9)))["Claims"]
    answers = dict(zip(column(claims, "claim"), column(claims, "holds"), strict=True))
    by_word = {str(claim)[:20]: answer for claim, answer in answers.items()}
    assert by_word == {
        "leather and bottle a": "yes",
        "screw and transistor": "yes",
        "5 to 8 experts reach": "no",
        "at 5 experts screw i": "yes",
        "at 5 experts leather": "yes",
        "5 experts are optima": "yes",
        "at 5 experts two hav": "yes",
        "at 5 experts carpet,": "yes",
        "at 5 experts grid an": "yes",
        "at 5 experts the bud": "yes",
        "at 5 experts those w": "no",
        "3 experts give at le": "no",
        "from 4 to 8 experts ": "yes",
    }


def test_a_summary_says_which_reading_meets_which_claim(tmp_path: Path) -> None:
    runs = [write_paper_run(tmp_path, update=update) for update in ("union", "reselect")]
    (summary,) = [t for t in reproduction_tables(reproduce(*runs)) if "by reading" in t.title]
    assert [c.name for c in summary.columns] == [
        "claim",
        "expert_centroid=categories, update=reselect",
        "expert_centroid=categories, update=union",
    ]
    answers = {str(row[0])[:20]: row[1:] for row in summary.rows}
    assert answers["at 5 experts screw i"] == ("yes", "yes")
    assert answers["3 experts give at le"] == ("?", "?")


def test_every_table_can_be_written(tmp_path: Path) -> None:
    for table in reproduction_tables(reproduce(write_paper_run(tmp_path))):
        assert to_markdown(table).startswith(f"### {table.title}\n")


def test_the_summary_says_what_holds_on_the_categories_at_hand(tmp_path: Path) -> None:
    some = {name: PAPER[name] for name in ("carpet", "leather", "wood", "zipper")}
    runs = [write_paper_run(tmp_path, some, update=update) for update in ("union", "reselect")]
    (summary,) = [t for t in reproduction_tables(reproduce(*runs)) if "by reading" in t.title]
    answers = {str(row[0])[:20]: row[1] for row in summary.rows}
    assert answers["at 5 experts carpet,"] == "? (yes)"
    assert answers["at 5 experts two hav"] == "? (no)"
    assert answers["at 5 experts grid an"] == "?"
