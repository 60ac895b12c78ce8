"""The order in which cells are computed."""

from __future__ import annotations

from cadbench.benchmark.running.design import cells_of
from cadbench.benchmark.running.runner import computation_order

from tests.benchmark.samples import a_design


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
