"""A paper's configuration and claims are validated data; claims are yes, no or cannot be said."""

from __future__ import annotations

import pytest
from cadbench.results.errors import CadbenchError
from cadbench.results.papers.claims import check_claim
from cadbench.results.papers.expert_claims import ExpertsOfRun, check_expert_claim
from cadbench.results.papers.paper import Claim, load_paper, paper_names, parse_paper

PAPER = """
source = "arXiv:0"
title = "P"
method = "m"
dataset = "mvtec"
categories = 15
schedule = "1x*"
order = "alphabetical"
routing = "oracle"
image_size = 224
backbone = "b"
embedding = "official"
[params]
budget = "400"
[sweep]
experts = "1-8"
[[claims]]
text = "leather is above .95"
categories = ["leather"]
above = 0.95
"""


def test_every_shipped_paper_can_be_read_and_has_printed_rows() -> None:
    assert paper_names() == ("mecad",)
    for name in paper_names():
        assert load_paper(name).rows()


def test_mecad_is_the_configuration_that_the_paper_reports() -> None:
    paper = load_paper("mecad")
    assert (paper.backbone, paper.embedding, paper.schedule) == (
        *("wide_resnet50_2", "official"),
        "1x*",
    )
    assert paper.params == {
        "threshold": "0.9",
        "class_budget": "400",
        "expert_budget": "2400",
        "replay": "random",
        "replay_ratio": "0.2",
        "categories_per_expert": "5",
        "selector": "approximate_greedy",
    }
    assert paper.sweep == {
        "experts": "1-8",
        "expert_centroid": "categories,memory,buffer",
        "update": "union,reselect",
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title", "titel", "unknown key 'titel' .did you mean title"),
        ('method = "m"', "", "method is missing"),
        ("categories = 15", "categories = 15.0", "categories: expected a whole number, got 15.0"),
        ('budget = "400"', "budget = 400", r"p\.toml: params.budget: expected text, got 400"),
        ("above = 0.95", "", r"claims\[0\]: expected above"),
        (
            "above = 0.95",
            'above = 0.95\nlowest = "screw"',
            r"claims\[0\]: expected above",
        ),
        ("above = 0.95", "over = 0.95", r"claims\[0\]: unknown key 'over'"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused(old: str, new: str, message: str) -> None:
    assert old in PAPER
    parse_paper(PAPER, "p")
    with pytest.raises(CadbenchError, match=message):
        parse_paper(PAPER.replace(old, new), "p")


FINALS = {1: {"a": 0.9, "b": 0.4}, 2: {"a": 0.96, "b": 0.45}}


@pytest.mark.parametrize(
    ("claim", "answer", "because"),
    [
        (Claim("", (1, 2), ("b",), below=0.5), "yes", "b 0.400 to 0.450"),
        (Claim("", (1, 2), ("a",), above=0.95), "no", "a 0.900 to 0.960; not at 1 expert"),
        (Claim("", (1, 2, 3), ("b",), below=0.5), "cannot be said", "not run: 3"),
        (Claim("", (1, 2, 3), ("a",), above=0.95), "no", "not at 1"),
        (Claim("", (), ("a",), above=0.95), "cannot be said", "holds at 2 experts only"),
        (Claim("", (), ("a",), above=0.97), "no", "not at 1, 2"),
        (Claim("", (1,), above=0.65, below=0.65), "yes", "mean 0.650"),
        (Claim("", (2,), above=0.65, below=0.7), "no", "mean 0.705"),
        (Claim("", (2,), lowest="b"), "yes", "b 0.450"),
        (Claim("", (2,), highest="b"), "no", "a 0.960, b 0.450"),
        (Claim("", (3,), lowest="b"), "cannot be said", "no run with 3"),
        (Claim("", (1, 2), best=2), "yes", "0.705 at 2"),
        (Claim("", (1, 2), best=1), "no", "0.705 at 2, 0.650 at 1"),
        (Claim("", (1, 2, 3), best=2), "cannot be said", "not run: 3"),
        (Claim("", (1, 2, 3), best=1), "no", "0.705 at 2"),
        (Claim("", (1, 2, 3), best=3), "cannot be said", "no run with 3"),
        (Claim("", (1, 2), knee=2), "yes", "0.650 at 1, 0.705 at 2, 0.705 at most"),
        (Claim("", (1, 2), knee=1), "no", "0.705 at most"),
        (Claim("", (1, 2), flat=(1, 2)), "no", "0.650 to 0.705 from 1 to 2 experts"),
        (Claim("", (1, 2, 3), flat=(1, 3)), "cannot be said", "not run: 3"),
    ],
)
def test_a_claim_is_checked_on_the_numbers(claim: Claim, answer: str, because: str) -> None:
    found = check_claim(claim, FINALS, complete=True)
    assert found.answer == answer
    assert because in found.evidence


@pytest.mark.parametrize(
    "claim",
    [
        Claim("", (1,), ("a",), above=0.95),
        Claim("", (1, 2), ("b",), below=0.5),
        Claim("", (1,), above=0.1),
        Claim("", (1,), lowest="b"),
        Claim("", (1, 2), best=2),
        Claim("", (1, 2), knee=2),
    ],
)
def test_runs_on_fewer_categories_neither_bear_out_nor_refute(claim: Claim) -> None:
    found = check_claim(claim, FINALS, complete=False)
    assert found.answer == "cannot be said"
    assert "do not have all categories of the paper" in found.evidence


RUN = ExpertsOfRun(
    owner={"a": 3, "b": 0, "c": 0, "d": 1, "e": 1, "f": 1},
    utilization={3: 16.667, 0: 33.333, 1: 50.0},
    change={"a": 0.0, "b": -0.1, "c": -0.1, "d": -0.4, "e": -0.3, "f": 0.1},
)
OTHER = ExpertsOfRun({**RUN.owner, "f": 3}, {3: 33.3, 0: 33.3, 1: 33.3}, RUN.change)


@pytest.mark.parametrize(
    ("claim", "answer", "because"),
    [
        (Claim("", (3,), sizes=(1, 2, 3)), "yes", "sizes 1, 2, 3"),
        (Claim("", (3,), sizes=(2, 2, 2)), "no", "sizes 1, 2, 3"),
        (Claim("", (3,), alone=("a",)), "yes", "alone: a"),
        (Claim("", (3,), alone=("a", "b")), "no", "alone: a"),
        (Claim("", (3,), group=("b", "c")), "yes", "b is with c"),
        (Claim("", (3,), group=("b", "c", "a")), "no", "b is with c"),
        (Claim("", (3,), utilization=(50.0, 33.33, 16.67)), "yes", "16.67, 33.33, 50.00"),
        (Claim("", (3,), utilization=(50.0, 33.33)), "no", "16.67, 33.33, 50.00"),
        (Claim("", (3,), larger_forget_more=True), "yes", "0.000 of 1, -0.100 of 2, -0.200 of 3"),
        (Claim("", (4,), sizes=(1,)), "cannot be said", "no run with 4 experts"),
        (Claim("", (3,), alone=("x",)), "cannot be said", "all categories of the paper: x"),
    ],
)
def test_a_claim_about_experts_is_checked_on_every_run(claim, answer, because) -> None:
    found = check_expert_claim(claim, {3: [RUN, RUN]}, complete=True)
    assert found.answer == answer
    assert because in found.evidence
    assert check_expert_claim(claim, {3: [RUN]}, complete=False).answer == "cannot be said"


def test_runs_that_disagree_decide_no_claim_about_experts() -> None:
    claim = Claim("", (3,), sizes=(2, 2, 2))
    found = check_expert_claim(claim, {3: [RUN, OTHER]}, complete=True)
    assert (found.answer, found.evidence) == (
        "cannot be said",
        "holds in 1 of 2 runs; sizes 1, 2, 3 (in 1 of 2 runs)",
    )
