"""A paper's configuration and claims are validated data; claims are yes, no or cannot be said."""

from __future__ import annotations

import pytest
from cadbench.results.errors import CadbenchError
from cadbench.results.papers.claims import check_claim
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
    }
    assert paper.sweep == {"experts": "1-8", "categories_per_expert": "5,6"}


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
    ],
)
def test_runs_on_fewer_categories_neither_bear_out_nor_refute(claim: Claim) -> None:
    found = check_claim(claim, FINALS, complete=False)
    assert found.answer == "cannot be said"
    assert "do not have all categories of the paper" in found.evidence
