"""From a study to its cells: which there are, in which order, and what settings are refused."""

from __future__ import annotations

import itertools

import pytest
from cadbench.benchmark.running.study import match_memory, parse_settings, plan, take_shard
from cadbench.results.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmark.samples import a_cell, a_study, an_order


def test_cells_are_the_product_of_methods_parameters_orders_and_seeds_in_that_order():
    orders = (an_order(), an_order("random:1"))
    cells = plan(
        a_study(
            "replay",
            "mecad",
            sweep={"mecad": {"experts": [2, 1], "replay_ratio": [0.5, 0.2]}},
            orders=orders,
            seeds=(3, 0),
        )
    )
    replay = [("replay", None, None, o.name, s) for o in orders for s in (3, 0)]
    mecad = [
        ("mecad", e, r, o.name, s)
        for e, r, o, s in itertools.product((2, 1), (0.5, 0.2), orders, (3, 0))
    ]
    assert [
        (
            cell.method,
            getattr(cell.params, "experts", None),
            getattr(cell.params, "replay_ratio", None),
            cell.order.name,
            cell.seed,
        )
        for cell in cells
    ] == replay + mecad
    assert len({cell.key for cell in cells}) == len(cells)


def test_parameters_that_resolve_alike_give_one_cell():
    # With budgets of 2400 and 400 an expert has room for 6, which is what `auto` resolves to.
    cells = plan(a_study("mecad", sweep={"mecad": {"categories_per_expert": [None, 6, 5]}}))
    assert [cell.params.categories_per_expert for cell in cells] == [6, 5]


def test_every_cell_carries_the_resolved_schedule_and_parameters():
    (cell,) = plan(a_study("mecad", schedule="2-1x*"))
    assert cell.schedule == "2-1x2"
    assert cell.params.threshold is not None


def test_a_schedule_that_does_not_fit_the_data_set_is_refused():
    with pytest.raises(UsageError, match="covers 5 categories, the dataset has 4"):
        plan(a_study(schedule="4-1"))


def test_settings_become_a_sweep_over_the_chosen_methods():
    assert parse_settings(
        ["mecad", "replay"],
        ["mecad.threshold=0.8,auto", " mecad.replay =full", "replay.bank_budget=50"],
        "1-3",
    ) == {
        "mecad": {"threshold": [0.8, None], "replay": ["full"], "experts": [1, 2, 3]},
        "replay": {"bank_budget": [50]},
    }


@pytest.mark.parametrize(
    ("settings", "experts", "words"),
    [
        (["mecad.experts"], None, "write METHOD.PARAM=VALUES"),
        (["experts=3"], None, "write METHOD.PARAM=VALUES"),
        (["mecad.experts="], None, "write METHOD.PARAM=VALUES"),
        (["mecda.experts=3"], None, r"unknown method 'mecda' \(did you mean mecad\?\)"),
        (["joint.exact=true"], None, r"joint is not among .* \(mecad\); add --method joint"),
        (["mecad.expert=3"], None, r"mecad has no parameter 'expert' \(did you mean experts\?\)"),
        (["mecad.experts=0"], None, "--set mecad.experts=0: 0 is not a whole number at least 1"),
        (["mecad.experts=1", "mecad.experts=2"], None, "--set mecad.experts is given twice"),
        ([], "0-2", "--experts 0-2: 0 is not a whole number"),
        (["mecad.experts=3"], "1-8", "--experts and --set mecad.experts exclude each other"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(settings, experts, words):
    with pytest.raises(UsageError, match=words):
        parse_settings(["mecad"], settings, experts)


def test_experts_without_a_method_that_has_them_names_those_that_do():
    with pytest.raises(UsageError) as refused:
        parse_settings(["replay", "joint"], [], "1-8")
    message = str(refused.value)
    assert message.startswith("--experts: none of replay, joint has experts")
    assert "mecad" in message.split("methods that do:")[1]
    assert "patchcore" not in message.split("methods that do:")[1]


def test_experts_go_to_the_methods_that_have_them_and_leave_the_others_alone():
    assert parse_settings(["replay", "mecad"], [], "2") == {"mecad": {"experts": [2]}}


def test_matched_cells_are_paired_with_every_reference_of_their_order_and_seed():
    cells = plan(
        a_study(
            "mecad",
            "patchcore",
            sweep={"mecad": {"experts": [1, 5]}},
            orders=(an_order(), an_order("random:1")),
            seeds=(0, 1),
        )
    )
    ready, waiting = match_memory(cells, "mecad")
    assert {cell.method for cell in ready} == {"mecad"}
    assert len(ready) == 8
    assert len(waiting) == 8
    for pair in waiting:
        assert pair.cell.method == "patchcore"
        assert (pair.cell.order, pair.cell.seed) == (pair.reference.order, pair.reference.seed)
    assert {pair.reference.params.experts for pair in waiting} == {1, 5}


def test_a_matched_cell_gets_the_memory_of_its_reference_when_that_is_known():
    pair = match_memory([a_cell("mecad"), a_cell("patchcore")], "mecad")[1][0]
    assert pair.resolve(1234).params.bank_budget == 1234
    shared = match_memory([a_cell("mecad"), a_cell("per_category")], "mecad")[1][0]
    assert shared.resolve(1234).params.class_budget == 1234 // 4


def test_a_method_whose_memory_cannot_be_set_runs_as_it_is():
    cells = [a_cell("patchcore"), a_cell("mecad")]
    ready, waiting = match_memory(cells, "patchcore")
    assert ready == cells
    assert not waiting


def test_matching_the_memory_of_a_method_that_does_not_run_is_refused():
    with pytest.raises(UsageError, match="--match-memory mecad: add --method mecad"):
        match_memory([a_cell("patchcore")], "mecad")


@given(st.integers(0, 30), st.integers(1, 12))
def test_the_shards_part_the_cells_exactly_and_evenly(cells, count):
    numbers = list(range(cells))
    shards = [take_shard(numbers, f"{i}/{count}") for i in range(1, count + 1)]  # type: ignore[arg-type]
    assert sorted(itertools.chain(*shards)) == numbers
    sizes = [len(shard) for shard in shards]
    assert max(sizes) - min(sizes) <= 1


def test_without_a_shard_all_cells_are_taken():
    cells = [a_cell(), a_cell(seed=1)]
    assert take_shard(cells, None) == cells


@pytest.mark.parametrize("shard", ["0/4", "5/4", "1", "1/", "/4", "-1/4", "a/b", "1/0", "1/4/2"])
def test_a_shard_that_is_no_part_of_a_whole_is_refused(shard):
    with pytest.raises(UsageError, match="write I/N with I from 1 to N"):
        take_shard([], shard)
