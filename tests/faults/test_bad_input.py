"""A part of the campaign of bad input, and that its judge sees faults; see `bad_input`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.faults.bad_input import campaign, campaign_of, kinds
from tests.faults.judging import Answer, World, judge

pytestmark = pytest.mark.xdist_group("one world of bad input")
SLOW_TO_START = (
    *("option: check", "option: compare", "option: figure", "option: data preview"),
    *("file: weights",),
)
"""They load PyTorch, statsmodels or matplotlib, or draw the whole synthetic set: for the whole
campaign only."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with campaign() as world:
        yield world


@pytest.mark.parametrize(
    ("pattern", "examples"),
    [
        ("option: run$", 25),
        ("option: ", 4),
        ("--set of mecad", 10),
        ("--set of padim", 5),
        ("file: ", 5),
        ("dataset: ", 5),
    ],
)
def test_whatever_is_given_it_is_taken_or_refused_in_one_line(world, pattern, examples):
    outcomes = {}
    for kind in kinds(world):
        if re.match(pattern, kind) and kind not in SLOW_TO_START:
            tally = campaign_of(kind, world, examples)
            assert not tally.found, "\n".join(tally.found.values())
            outcomes[kind] = (tally.accepted, tally.refused)
    accepted, refused = map(sum, zip(*outcomes.values(), strict=True))
    assert accepted, outcomes
    assert refused, outcomes


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(1, "", "Traceback (most recent call last):\n  x\n"), "Traceback"),
        (Answer(1, "", "error: internal error: KeyError: 1\n"), "internal error"),
        (Answer(0, "", "/x.py:3: UserWarning: strange\n"), "UserWarning"),
        (Answer(0, "a\x1b[31m\n", ""), "acts on a terminal"),
        (Answer(0, "", "error: no\n"), "exit code 0"),
        (Answer(0, "", "warning: x\n" * 21), "21 lines"),
        (Answer(3, "", "error: no\n"), "exit code 3"),
        (Answer(2, "", ""), "without a reason"),
        (Answer(2, "", "error: no\nmore\n"), "not one line"),
        (Answer(2, "half of a table\n", "error: no\n"), "output before"),
        (Answer(1, "", "error: no\n", changed=("new.html",)), "changed new.html"),
        (Answer(0, "", "", unfinished=(".x.partial",)), "half of a file"),
        (Answer(None, "", "raised SystemError: x"), "raised"),
    ],
)
def test_the_judge_sees_each_fault(answer, why):
    verdict = judge(answer, "table")
    assert verdict.outcome == "fault"
    assert why in verdict.why


def test_the_judge_sees_a_file_that_is_left_and_the_world_is_clean_again(world, monkeypatch):
    def leave(words: object) -> int:
        (world.cwd / "left.html").write_text("half")
        (world.root / "files" / "order.txt").unlink()
        return 2

    monkeypatch.setattr("cadbench.benchmark.cli.main.run", leave)
    answer = world.call(["table"])
    assert [path.rpartition("/")[2] for path in answer.changed] == ["left.html", "order.txt"]
    monkeypatch.undo()
    assert world.call(["protocols"]).changed == ()
    assert (world.root / "files" / "order.txt").read_text() == "cork\napple\nbolt\n"
    assert not any(world.cwd.iterdir())
