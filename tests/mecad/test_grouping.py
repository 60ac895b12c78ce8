"""Groups told in advance: how they are written, and what is refused."""

from __future__ import annotations

import pytest
from cadbench.benchmark.interface.method import CellFacts
from cadbench.mecad.grouping import check_groups, parse_groups
from cadbench.mecad.method import Mecad, MecadParams
from cadbench.results.errors import UsageError

NAMES = ("bottle", "cable", "screw")
FACTS = CellFacts("wide_resnet50_2", "official", 3, NAMES)


def test_slashes_part_experts_and_pluses_categories():
    assert parse_groups("bottle+cable/ screw + wood ") == (("bottle", "cable"), ("screw", "wood"))


@pytest.mark.parametrize("text", ["bottle+/screw", "/bottle", "bottle//screw", "+", " "])
def test_empty_groups_and_names_are_refused(text):
    with pytest.raises(UsageError, match="empty group or name"):
        parse_groups(text)


def test_a_category_in_two_groups_is_refused_when_the_parameters_are_made():
    with pytest.raises(UsageError, match="names cable more than once"):
        MecadParams(assignment="given", groups="bottle+cable/cable+screw")


def test_given_without_groups_is_an_error_with_an_example():
    with pytest.raises(UsageError, match=r"--set mecad\.groups=bottle\+cable/screw"):
        MecadParams(assignment="given")


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ("bottle+cable/screws", "names screws, which this run does not have.*did you mean screw"),
        ("bottle/cable", "leaves out screw"),
    ],
)
def test_unknown_and_missing_categories_are_refused_before_anything_runs(groups, said):
    with pytest.raises(UsageError, match=said):
        Mecad.resolve(MecadParams(assignment="given", groups=groups), FACTS)
    with pytest.raises(UsageError):
        check_groups(parse_groups(groups), NAMES)


def test_there_are_as_many_experts_as_groups():
    params = MecadParams(assignment="given", groups="bottle+cable/screw", experts=5)
    resolved = Mecad.resolve(params, FACTS)
    assert resolved.experts == 2
    assert Mecad.resolve(resolved, FACTS) == resolved


def test_groups_beside_another_assignment_are_dropped_so_that_one_sweep_can_compare_all():
    params = MecadParams(assignment="similarity", groups="bottle+cable/screw")
    assert Mecad.resolve(params, FACTS) == Mecad.resolve(MecadParams(), FACTS)


def test_a_threshold_is_needed_only_by_the_assignment_that_asks_it():
    unknown = CellFacts("resnet18", "concat", 3, NAMES)
    assert Mecad.resolve(MecadParams(assignment="random"), unknown).threshold is None
    with pytest.raises(UsageError, match="not calibrated"):
        Mecad.resolve(MecadParams(), unknown)
