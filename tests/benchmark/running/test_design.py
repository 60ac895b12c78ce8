"""From a design to its cells: which there are, in which order, and what settings are refused."""

from __future__ import annotations

import itertools

import pytest
from cadbench.benchmark.running.design import cells_of, match_memory
from cadbench.benchmark.running.runner import computation_order
from cadbench.results.errors import UsageError

from tests.benchmark.samples import a_cell, a_design, an_order


def test_cells_are_the_product_of_methods_parameters_orders_and_seeds_in_that_order():
    orders = (an_order(), an_order("random:1"))
    cells = cells_of(
        a_design(
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
    cells = cells_of(a_design("mecad", sweep={"mecad": {"categories_per_expert": [None, 6, 5]}}))
    assert [cell.params.categories_per_expert for cell in cells] == [6, 5]


def test_every_cell_carries_the_resolved_schedule_and_parameters():
    (cell,) = cells_of(a_design("mecad", schedule="2-1x*"))
    assert cell.schedule == "2-1x2"
    assert cell.params.threshold is not None


def test_a_schedule_that_does_not_fit_the_data_set_is_refused():
    with pytest.raises(UsageError, match="covers 5 categories, the dataset has 4"):
        cells_of(a_design(schedule="4-1"))


def test_matched_cells_are_paired_with_every_reference_of_their_order_and_seed():
    cells = cells_of(
        a_design(
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


def test_a_method_decides_the_order_of_its_own_cells_and_methods_keep_theirs():
    cells = cells_of(
        a_design(
            "patchcore",
            "mecad",
            "finetune",
            sweep={"mecad": {"experts": [2, 5, 1]}, "patchcore": {"bank_budget": [50, 20]}},
            seeds=(0, 1),
        )
    )
    ordered = [cells[index] for index in computation_order(cells)]
    assert [cell.method for cell in ordered] == ["patchcore"] * 4 + ["mecad"] * 6 + ["finetune"] * 2
    assert ordered[:4] == cells[:4], "equal ranks keep their order"
    assert [(c.params.experts, c.seed) for c in ordered[4:10]] == [
        (experts, seed) for experts in (5, 2, 1) for seed in (0, 1)
    ]
