"""Every metric that a record can hold is defined in words, consistently with what it computes."""

from __future__ import annotations

import pytest
from cadbench.results.analysis.quantities import QUANTITIES
from cadbench.results.metrics.compute import BASES, PIXEL_BASES
from cadbench.results.metrics.continual import OF_EXPERTS, OF_MATRIX
from cadbench.results.metrics.definitions import DEFINITIONS

STORED_ELSEWHERE = {"gap_to_joint", "pooled_auroc", "routing_accuracy", "fwt"}


def test_every_metric_has_a_definition_and_no_other_has() -> None:
    named = {*BASES, *PIXEL_BASES, *OF_MATRIX, *OF_EXPERTS, *STORED_ELSEWHERE}
    assert set(DEFINITIONS) == named


@pytest.mark.parametrize("name", DEFINITIONS)
def test_definitions_are_complete(name: str) -> None:
    definition = DEFINITIONS[name]
    assert definition.name == name
    assert definition.formula
    assert definition.meaning
    low, high = map(float, definition.range.split(" to "))
    assert low < high


def test_only_falls_and_gaps_are_better_when_lower() -> None:
    lower = {definition.name for definition in DEFINITIONS.values() if definition.better == "lower"}
    assert lower == {"fm", "fm_clamped", "gap_to_joint"}


def test_table_columns_of_metrics_say_which_way_is_better() -> None:
    for name, quantity in QUANTITIES.items():
        if name in DEFINITIONS:
            assert quantity.column.better == DEFINITIONS[name].better
