"""Comparisons: what makes a row, what may not stand together, and the numbers in the cells."""

from __future__ import annotations

import math
import re
from functools import partial

import pytest
from cadbench.results.analysis.rows import number_ranges, rows_of
from cadbench.results.errors import UsageError
from cadbench.results.leaderboard.boards import leaderboard
from cadbench.results.records.record import Record
from cadbench.results.rendering.table import Spread, Table, Value, number
from cadbench.results.tables.comparison import (
    chosen_tables,
    experts_tables,
    main_tables,
    per_category_tables,
)
from cadbench.results.tables.single_run import (
    assignments_table,
    matrix_table,
    memory_table,
    metrics_table,
)

from tests.results.samples import MATRIX

OWNER = {"apple": 0, "bolt": 0, "cork": 1}
BETTER = [[0.9, 0.5, 0.5], [0.9, 0.9, 0.5], [0.9, 0.9, 0.9]]


def column(table: Table, name: str) -> list[Value]:
    place = [column.name for column in table.columns].index(name)
    return [row[place] for row in table.rows]


def means(table: Table, name: str) -> list[float]:
    return [number(value) for value in column(table, name)]


def one(tables: list[Table]) -> Table:
    assert len(tables) == 1
    return tables[0]


def test_seeds_and_orders_make_one_row_with_mean_and_sample_deviation(make_record) -> None:
    records = [
        make_record(R=[[R[0][0], unseen, R[0][2]], *R[1:]], seed=seed, order=order)
        for seed, R in enumerate([MATRIX, BETTER])
        for order, unseen in (("alphabetical", 0.5), ("random:0", 0.55))
    ]
    columns = ["acc", "bwt", "stored_vectors", "stored_mb", "utilization"]
    table = one(main_tables(records, columns=columns))
    assert column(table, "method") == ["mecad"]
    acc = column(table, "AUROC")[0]
    assert isinstance(acc, Spread)
    assert acc.mean == pytest.approx(0.85)
    assert acc.deviation == pytest.approx(math.sqrt(4 * 0.05**2 / 3))
    assert acc.n == 4
    assert column(table, "seeds") == [2]
    assert column(table, "orders") == [2]
    assert means(table, "bwt") == pytest.approx([(-0.075 + 0) / 2])
    assert means(table, "stored vectors") == [1440]
    assert means(table, "stored MB") == pytest.approx([1440 * 608 / 1e6])
    assert means(table, "utilization %") == pytest.approx([25])


def test_equal_runs_of_several_seeds_count_once_in_the_deviation(make_record) -> None:
    records = [
        make_record(R=R, seed=seed, order=order)
        for seed in (0, 1)
        for order, R in (("alphabetical", MATRIX), ("random:0", BETTER))
    ]
    table = one(main_tables(records, columns=["acc", "stored_mb"]))
    (acc,), (stored,) = column(table, "AUROC"), column(table, "stored MB")
    assert isinstance(acc, Spread)
    assert isinstance(stored, Spread)
    assert (acc.mean, acc.n) == (pytest.approx(0.85), 2)
    assert acc.deviation == pytest.approx(math.sqrt(2 * 0.05**2))
    assert stored.n == 2


def test_a_deterministic_row_has_no_deviation_over_seeds_and_a_note(make_record) -> None:
    records = [make_record(seed=seed) for seed in (0, 1)]
    (acc,) = column(one(main_tables(records)), "AUROC")
    assert isinstance(acc, Spread)
    assert math.isnan(acc.deviation)
    assert "deterministic: the scores of all seeds are equal" in "\n".join(
        one(main_tables(records)).notes
    )
    records += [make_record(method="replay", R=R, seed=s) for s, R in enumerate([MATRIX, BETTER])]
    notes = one(main_tables(records)).notes
    assert any(note.startswith("deterministic (mecad): ") for note in notes)


def test_durations_of_equal_runs_all_count(make_record) -> None:
    records = [make_record(seed=seed) for seed in (0, 1)]
    records[1].run["seconds"]["total"] = 5.0
    (seconds,) = column(one(main_tables(records, columns=["seconds"])), "seconds")
    assert isinstance(seconds, Spread)
    assert (seconds.mean, seconds.n) == (4.0, 2)


COST = {
    **{"seconds": 1.0, "process_bytes": 10**9, "gpu_bytes": None, "joules": 7.0},
    **{"parameters_trained": 1000, "parameters_stored": 1000},
    **{"network_bytes": 4000000, "other_bytes": 0},
}


def test_costs_are_the_highest_of_an_experience_and_seconds_need_time(make_record) -> None:
    record = make_record()
    assert not chosen_tables("costs", [record])
    last = {**COST, "process_bytes": 2 * 10**9, "parameters_stored": 3000, "other_bytes": 500000}
    record.run["costs"] = [COST, last, COST]
    table = one(chosen_tables("costs", [record]))
    headings = ("trained M", "stored M", "network MB", "other MB", "process MB")
    assert [means(table, name) for name in headings] == [[0.001], [0.003], [4.0], [0.5], [2000]]
    for hidden in ("GPU MB", "update s", "update J"):
        assert math.isnan(means(table, hidden)[0])
        (place,) = (each for each in table.columns if each.name == hidden)
        assert place.optional, "a column that no row defines is left out"
    record.run["timing"] = {"update_seconds": [1.0, 2.0], "update_joules": [3.0, 5.0]}
    table = one(chosen_tables("costs", [record]))
    assert (means(table, "update s"), means(table, "update J")) == ([1.5], [4.0])


def test_parameters_are_shown_where_they_differ(make_record) -> None:
    records = [make_record(params={"experts": e, "replay": "random"}) for e in (10, 9)]
    records.append(make_record(method="joint", params={"budget": 1}))
    table = one(main_tables(records))
    assert column(table, "parameters") == ["", "experts=9", "experts=10"]


def test_parameters_are_shown_where_they_differ_from_the_defaults(make_record) -> None:
    record = make_record(params={"experts": 2, "redraw": True, "start": None})
    defaults = {"mecad": {"experts": 2, "redraw": False, "start": "mean"}}
    table = one(main_tables([record], defaults=defaults))
    assert column(table, "parameters") == ["redraw=true, start=none"]


def test_versions_and_backbones_are_told_apart(make_record) -> None:
    records = [make_record(), make_record(version="2"), make_record(backbone="wide_resnet50_2")]
    table = one(main_tables(records))
    assert column(table, "method") == ["mecad (version 1)"] * 2 + ["mecad (version 2)"]
    backbones = column(table, "backbone")
    assert backbones.count("tf_efficientnet_lite0 concat") == 2
    assert "wide_resnet50_2 concat" in backbones


def test_which_unseen_categories_were_scored_does_not_make_another_row(make_record) -> None:
    records = [make_record(), make_record(unseen="all")]
    assert len(rows_of(records)) == 1
    assert len(rows_of(records)[0].records) == 1


def test_other_protocols_and_data_are_in_tables_of_their_own(make_record) -> None:
    for change in ({"protocol": "synthetic-2x2-224-oracle@1"}, {"manifest": "ef" * 32}):
        records = [make_record(), make_record(method="joint", **change)]
        for tables in (main_tables, per_category_tables):
            methods = [column(table, "method") for table in tables(records)]
            assert sorted(methods) == [["joint"], ["mecad"]]
    titles = [table.title for table in main_tables(records)]
    assert any("data efefefef" in title for title in titles)


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({"seed": 1}, "lacks seed 0 of order alphabetical"),
        ({"order": "random:1"}, "lacks seed 0 of order alphabetical"),
        ({"categories": ["cork", "bolt", "apple"]}, r"alphabetical \(apple, bolt, cork\)"),
    ],
)
def test_a_row_that_lacks_the_runs_of_most_rows_is_left_out_and_named(
    make_record, change, lacks
) -> None:
    records = [
        make_record(),
        make_record(method="patchcore"),
        make_record(method="joint", **change),
    ]
    for tables in (main_tables, per_category_tables):
        table = one(tables(records))
        assert column(table, "method") == ["mecad", "patchcore"]
        assert any(re.search(rf"left out: joint \(\w+\) .*{lacks}", n) for n in table.notes)


def test_further_runs_of_one_row_do_not_count(make_record) -> None:
    records = [make_record(seed=0), make_record(seed=1, R=BETTER), make_record(method="a")]
    records.append(make_record(method="b"))
    table = one(main_tables(records))
    assert column(table, "method") == ["a", "b", "mecad"]
    assert len(set(means(table, "AUROC"))) == 1
    assert not any("left out" in note for note in table.notes)


def test_common_runs_keep_every_row_and_are_named(make_record) -> None:
    records = [make_record(seed=seed, method=m) for m in ("mecad", "joint") for seed in range(3)]
    records.append(make_record(method="patchcore", seed=1))
    table = one(main_tables(records, common=True))
    assert column(table, "method") == ["joint", "mecad", "patchcore"]
    assert "only the runs that all rows share: seed 1, order alphabetical" in table.notes
    records.append(make_record(method="replay", seed=9))
    with pytest.raises(UsageError, match="these rows share no seed and order"):
        main_tables(records, common=True)


def test_the_runs_that_a_row_lacks_are_named_one_by_one(make_record) -> None:
    runs = [(seed, order) for seed in range(4) for order in ("alphabetical", "random:1")]
    records = [make_record(seed=seed, order=order) for seed, order in runs]
    left_out = [(0, "random:1"), (2, "random:1"), (3, "random:1"), (3, "alphabetical")]
    records += [
        make_record(method="patchcore", seed=seed, order=order)
        for seed, order in runs
        if (seed, order) not in left_out
    ]
    table = one(main_tables(records))
    lacks = r"lacks seed 3 of order alphabetical and seeds 0,2-3 of order random:1;"
    assert any(re.search(rf"left out: patchcore \(\w{{8}}\) {lacks}", n) for n in table.notes)


def test_of_many_incomplete_rows_the_first_are_named_and_the_others_counted(make_record) -> None:
    records = [make_record(method=name) for name in ("a", "b", "c", "d", "e")]
    records += [
        make_record(method=name, seed=s) for name in ("f", "g", "h", "i", "j", "k") for s in (0, 1)
    ]
    (note,) = [note for note in one(main_tables(records)).notes if "left out" in note]
    assert "; and 2 more;" in note


def test_nothing_is_averaged_over_backbones_or_routings(make_record) -> None:
    records = [
        make_record(backbone=backbone, routing=routing, R=R, owner=OWNER)
        for routing, pair in (("oracle", (MATRIX, BETTER)), ("inferred", (BETTER, MATRIX)))
        for backbone, R in zip(("tf_efficientnet_lite0", "wide_resnet50_2"), pair, strict=True)
    ]
    for tables in (main_tables, per_category_tables, experts_tables, leaderboard):
        made = tables(records)
        assert len(made) == 2
        for table in made:
            assert set(column(table, "backbone")) == {
                "tf_efficientnet_lite0 concat",
                "wide_resnet50_2 concat",
            }
            name = "mean" if tables is per_category_tables else "AUROC"
            cells = column(table, name)
            assert sorted(number(cell) for cell in cells) == pytest.approx([0.8, 0.9])
            assert all(isinstance(cell, Spread) and cell.n == 1 for cell in cells)


def test_allow_mixed_labels_the_rows_instead(make_record) -> None:
    records = [make_record(), make_record(method="joint", seed=1, protocol="other@1")]
    table = one(main_tables(records, allow_mixed=True))
    assert column(table, "protocol") == ["other@1", "synthetic-1x3-224-oracle@1"]
    assert column(table, "runs") == [
        "seed 1, order alphabetical",
        "seed 0, order alphabetical",
    ]
    assert any("not comparable" in note for note in table.notes)


def test_an_incomplete_factorial_is_counted(make_record) -> None:
    records = [make_record(seed=0), make_record(seed=1, order="random:0")]
    assert "(2 of 4 runs)" in one(main_tables(records)).title


def test_oracle_and_inferred_never_share_a_table(make_record) -> None:
    records = [make_record(), make_record(routing="inferred", owner=OWNER)]
    for tables in (main_tables, per_category_tables, experts_tables, leaderboard):
        titles = [table.title for table in tables(records)]
        assert len(titles) == 2
        assert "oracle routing" in titles[0]
        assert "inferred routing" in titles[1]


def test_inferred_tables_show_routing(make_record) -> None:
    table = one(main_tables([make_record(routing="inferred", owner=OWNER)]))
    assert means(table, "routing_accuracy") == [1.0]
    assert 0 < means(table, "pooled_auroc")[0] < 1


def test_only_categories_that_every_row_defines_count(make_record) -> None:
    holed = [[*row[:1], math.nan, *row[2:]] for row in BETTER]
    table = one(main_tables([make_record(), make_record(method="joint", R=holed)]))
    assert means(table, "AUROC") == pytest.approx([0.9, (0.6 + 0.95) / 2])
    assert any("left out: bolt" in note for note in table.notes)
    per_category = one(per_category_tables([make_record(), make_record(method="joint", R=holed)]))
    assert means(per_category, "bolt") == pytest.approx([math.nan, 0.85], nan_ok=True)
    assert means(per_category, "mean") == pytest.approx([0.9, 0.775])


def test_gap_to_joint_pairs_order_seed_and_features(make_record) -> None:
    records = [make_record(), make_record(method="joint", R=BETTER)]
    gap = ["gap_to_joint"]
    assert means(one(main_tables(records, columns=gap)), *gap) == pytest.approx([0.0, 0.1])
    others = [make_record(), make_record(method="joint", R=BETTER, backbone="other")]
    assert means(one(main_tables(others, columns=gap)), *gap) == pytest.approx(
        [0.0, math.nan], nan_ok=True
    )


def test_gap_to_joint_is_left_out_where_joint_is_ambiguous(make_record) -> None:
    joints = [make_record(method="joint", params={"budget": b}) for b in (1, 2)]
    table = one(main_tables([make_record(), *joints], columns=["gap_to_joint"]))
    assert means(table, "gap_to_joint") == pytest.approx([0, 0, math.nan], nan_ok=True)
    assert any("several configurations of joint fit mecad" in note for note in table.notes)


def test_of_several_joints_the_one_of_equal_capacity_and_latest_version_counts(make_record) -> None:
    joints = [
        make_record(method="joint", params={"class_budget": 9}, R=BETTER),
        make_record(method="joint", params={"class_budget": 400}),
        make_record(method="joint", params={"share": "greedy", "class_budget": None}, R=BETTER),
        make_record(method="joint", params={"class_budget": 400, "scoring": "other"}, R=BETTER),
    ]
    mecad = make_record(params={"class_budget": 400, "experts": 1})
    table = one(main_tables([mecad, *joints], columns=["gap_to_joint"]))
    assert means(table, "gap_to_joint") == pytest.approx([0] * 5)
    newer = make_record(method="joint", params={"class_budget": 9}, R=BETTER, version="2")
    table = one(main_tables([mecad, *joints, newer], columns=["gap_to_joint"]))
    assert means(table, "gap_to_joint")[-1] == pytest.approx(0.1)
    assert "mecad is compared with joint of class_budget=9" in table.notes


def test_rows_above_joint_are_named_because_it_is_no_bound_there(make_record) -> None:
    records = [make_record(method="joint", params={}), make_record(method="patchcore", R=BETTER)]
    for tables in (partial(main_tables, columns=["gap_to_joint"]), leaderboard):
        notes = one(tables(records)).notes
        expected = "gap_to_joint is negative for patchcore: joint is no upper bound there"
        assert expected in notes
        assert not any("no upper bound" in note for note in one(tables(records[:1])).notes)


def test_detectors_without_joint_training_have_no_gap(make_record) -> None:
    regimes = [make_record(method="a:B", params={"regime": r, "x": 1}) for r in ("joint", "naive")]
    records = [make_record(method="joint", R=BETTER), make_record(method="dne"), *regimes]
    table = one(main_tables(records, columns=["acc", "gap_to_joint"]))
    gaps = dict(zip(column(table, "method"), means(table, "gap_to_joint"), strict=True))
    assert math.isnan(gaps.pop("dne"))
    assert set(gaps.values()) == {0}
    labels = zip(column(table, "method"), column(table, "parameters"), strict=True)
    unranked = [label for place, label in enumerate(labels) if place in table.unranked]
    assert unranked == [("a:B", "regime=joint"), ("joint", "")]
    assert "gap_to_joint is not defined without joint training: dne" in table.notes


def test_columns_can_be_chosen_by_name(make_record) -> None:
    table = one(main_tables([make_record()], columns=["worst_drop", "acc_learned"]))
    assert means(table, "worst_drop") == pytest.approx([-0.2])
    assert means(table, "acc_learned") == pytest.approx([0.85])
    with pytest.raises(UsageError, match="no column has the name 'speed'"):
        main_tables([make_record()], columns=["speed"])


def test_the_sweep_over_experts_leaves_other_methods_out(make_record) -> None:
    records = [make_record(params={"experts": e}, owner=OWNER) for e in (10, 1, 2)]
    records.append(make_record(method="joint", params={}))
    table = one(experts_tables(records))
    assert column(table, "experts") == [1, 2, 10]
    assert column(table, "parameters") == [""] * 3
    assert means(table, "expert_forgetting") == pytest.approx([-0.0375] * 3)
    assert experts_tables([records[-1]]) == []


def test_no_records_make_no_tables() -> None:
    assert main_tables([]) == []
    assert leaderboard([]) == []


def test_leaderboard_ranks_by_acc_with_the_keys_behind_each_number(make_record) -> None:
    worse = [make_record(seed=seed) for seed in (0, 1)]
    best = make_record(method="patchcore", R=BETTER, seed=0)
    table = one(leaderboard([*worse, best]))
    assert column(table, "method") == ["patchcore", "mecad"]
    assert column(table, "records") == [best.key[:8], f"{worse[0].key[:8]}, {worse[1].key[:8]}"]
    assert column(table, "seeds") == ["0", "0-1"]
    assert any("seeds or orders" in note for note in table.notes)


def test_joint_is_ranked_with_nobody(make_record) -> None:
    records = [make_record(), make_record(method="joint", R=BETTER, params={})]
    for tables in (main_tables, per_category_tables, leaderboard):
        table = one(tables(records))
        assert [column(table, "method")[place] for place in table.unranked] == ["joint"]


def test_leaderboard_puts_undefined_values_last(make_record) -> None:
    records = [make_record(method="a", R=BETTER), make_record(owner=OWNER)]
    table = one(leaderboard(records, sort="expert_forgetting"))
    assert column(table, "method") == ["mecad", "a"]


def test_leaderboard_sorts_so_that_less_forgetting_is_first(make_record) -> None:
    records = [make_record(), make_record(method="patchcore", R=BETTER)]
    for sort in ("fm", "bwt", "worst_drop"):
        assert column(one(leaderboard(records, sort=sort)), "method") == ["patchcore", "mecad"]


def test_leaderboard_puts_other_protocols_and_data_in_other_tables(make_record) -> None:
    records = [make_record(), make_record(protocol="other@1"), make_record(manifest="ef" * 32)]
    assert [len(table.rows) for table in leaderboard(records)] == [1, 1, 1]


@pytest.fixture
def run(make_record) -> Record:
    return make_record(owner=OWNER)


def test_matrix_table_shows_unmeasured_cells_as_undefined(run: Record) -> None:
    table = matrix_table(run)
    assert means(table, "cork") == pytest.approx([math.nan, 0.4, 0.95], nan_ok=True)
    assert means(table, "mean of seen") == pytest.approx([0.8, 0.85, 0.8])
    assert column(table, "learned") == ["apple", "bolt", "cork"]


def test_metrics_table_sets_the_bases_side_by_side(run: Record) -> None:
    table = metrics_table(run)
    row = column(table, "metric").index("bwt")
    assert means(table, "of auroc")[row] == pytest.approx(-0.075)
    assert column(table, "categories")[row] == 2
    stored = run.metrics.set_index("metric")["value"]
    assert means(table, "of ap")[row] == stored["ap.bwt"]
    assert means(table, "of f1_max")[row] == stored["f1_max.bwt"]


def test_metrics_table_notes_routing_under_inferred(make_record) -> None:
    notes = metrics_table(make_record(routing="inferred", owner=OWNER)).notes
    assert "routing_accuracy: 1.0000 after the last experience" in notes
    assert any(note.startswith("pooled_auroc: 0.") for note in notes)


def test_memory_table_lists_experts_then_the_whole(run: Record) -> None:
    table = memory_table(run)
    assert column(table, "expert") == ["0", "1", "all"]
    assert column(table, "stored vectors") == [800, 640, 1440]
    assert means(table, "utilization %") == pytest.approx([100 / 3, 100 / 6, 25])


def test_assignments_table_gives_all_similarities(run: Record) -> None:
    table = assignments_table(run)
    assert column(table, "category") == ["apple", "bolt", "cork"]
    assert column(table, "expert") == [0, 0, 1]
    assert means(table, "similarity to 1") == [0.25, 0.25, 0.6]
    assert means(table, "similarity to 0") == pytest.approx([0.6, 0.6, math.nan], nan_ok=True)


def test_a_method_without_experts_says_so(make_record) -> None:
    table = assignments_table(make_record(method="joint"))
    assert table.rows == ()
    assert table.notes == ("joint assigns no experts",)


def test_number_ranges_join_runs() -> None:
    assert number_ranges([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"


def test_a_trained_detector_is_measured_against_its_own_joint(make_record) -> None:
    names = ("joint", "mecad", "stfpm+joint", "stfpm+ewc", "other+ewc")
    scores = {"joint": BETTER, "stfpm+joint": MATRIX}
    records = [make_record(method=name, R=scores.get(name, MATRIX)) for name in names]
    table = one(main_tables(records, columns=["acc", "gap_to_joint"]))
    gaps = dict(zip(column(table, "method"), means(table, "gap_to_joint"), strict=True))
    assert gaps["joint"] == gaps["stfpm+joint"] == gaps["stfpm+ewc"] == 0
    assert gaps["mecad"] > 0
    assert math.isnan(gaps["other+ewc"])
    assert any("measured against other+joint, stfpm+joint" in note for note in table.notes)
    bounds = {column(table, "method")[place] for place in table.unranked}
    assert bounds == {"joint", "stfpm+joint"}
