"""`--set`, `--experts` and `--shard`: what they select, and what is refused."""

from __future__ import annotations

import itertools

import pytest
from cadbench.benchmark.cli.running.settings import parse_settings, take_shard
from cadbench.results.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st


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
        (["budget=3"], None, r"no method of this run \(mecad\) has the parameter 'budget'"),
        ([".experts=3"], None, "write METHOD.PARAM=VALUES"),
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


def test_the_method_may_be_left_out_if_only_one_has_the_parameter():
    assert parse_settings(["mecad", "patchcore"], ["threshold=0.5"], None) == {
        "mecad": {"threshold": [0.5]}
    }
    with pytest.raises(UsageError, match="several methods of this run have it"):
        parse_settings(["mecad", "replay"], ["selector=herding"], None)


def test_experts_without_a_method_that_has_them_names_those_that_do():
    with pytest.raises(UsageError) as refused:
        parse_settings(["replay", "joint"], [], "1-8")
    message = str(refused.value)
    assert message.startswith("--experts: none of replay, joint has experts")
    assert "mecad" in message.split("methods that do:")[1]
    assert "patchcore" not in message.split("methods that do:")[1]


def test_experts_go_to_the_methods_that_have_them_and_leave_the_others_alone():
    assert parse_settings(["replay", "mecad"], [], "2") == {"mecad": {"experts": [2]}}


@given(st.integers(0, 30), st.integers(1, 12))
def test_the_shards_part_the_cells_exactly_and_evenly(cells, count):
    numbers = list(range(cells))
    shards = [take_shard(numbers, f"{i}/{count}") for i in range(1, count + 1)]
    assert sorted(itertools.chain(*shards)) == numbers
    sizes = [len(shard) for shard in shards]
    assert max(sizes) - min(sizes) <= 1


def test_without_a_shard_all_cells_are_taken():
    assert take_shard(["one", "two"], None) == ["one", "two"]


@pytest.mark.parametrize("shard", ["0/4", "5/4", "1", "1/", "/4", "-1/4", "a/b", "1/0", "1/4/2"])
def test_a_shard_that_is_no_part_of_a_whole_is_refused(shard):
    with pytest.raises(UsageError, match="write I/N with I from 1 to N"):
        take_shard([], shard)
