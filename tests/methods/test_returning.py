"""Categories that return: what each method keeps of them, on the conformance kit's stream."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.conformance.mock_stream import mock_stream
from cadbench.benchmark.plugins.methods import load_method

BUDGETS = {
    "replay": {"class_budget": 60, "bank_budget": 1100},
    "per_category": {"class_budget": 60},
    "mecad": {"class_budget": 60, "expert_budget": 90, "experts": 2, "categories_per_expert": 1},
    "finetune": {"bank_budget": 60},
}


@pytest.fixture
def after():
    """after(name, experiences): the method and what it chose, of anchor and button, each twice."""
    stream = mock_stream().returning()

    def teach(name, experiences):
        services = stream.services()
        kind = load_method(name)
        method = stream.build(kind, stream.resolved(kind, **BUDGETS[name]), services=services)
        for experience, _ in zip(stream.experiences("1x4"), range(experiences), strict=False):
            method.observe(experience)
        chosen = [event for event in services.events if event.get("chosen")]
        return method, [(e["category"], e["expert"], e["reason"]) for e in chosen]

    return teach


def rows(block):
    return {row.numpy().tobytes() for row in block.vectors}


def test_a_bank_of_a_category_is_selected_again_from_itself_and_the_new_coreset(after):
    before, _ = after("per_category", 2)
    method, chosen = after("per_category", 3)
    new, _ = after("finetune", 3)
    assert method.categories == ["anchor", "button"]
    assert [len(bank) for bank in method.banks] == [60, 60]
    assert method.banks[1].digest == before.banks[1].digest
    old, added = rows(before.banks[0]), rows(new.bank[0])
    held = rows(method.banks[0])
    assert held <= old | added
    assert held & old
    assert held & added
    assert chosen[2] == ("anchor", 0, "the bank it has")


def test_mecad_leaves_a_category_to_the_expert_that_owns_it_as_its_newest(after):
    before, _ = after("mecad", 2)
    method, chosen = after("mecad", 3)
    assert method.owners == before.owners
    assert chosen[2] == ("anchor", method.owners["anchor"], "it owns the category already")
    (member,) = method.experts[method.owners["anchor"]].members
    assert (len(member.coreset), len(member.scoring)) == (60, 60)
    old = rows(before.experts[method.owners["anchor"]].members[0].coreset)
    assert 0 < len(rows(member.coreset) & old) < 60


def test_replay_keeps_patches_of_both_times_with_priorities_of_their_own(after):
    method, _ = after("replay", 4)
    names = [sample.category for sample in method.reservoir]
    assert names == ["anchor", "button", "anchor\n2", "button\n2"]
    once, again = method.reservoir[0].priorities, method.reservoir[2].priorities
    assert not np.isin(once, again).any()
    resumed, _ = after("replay", 0)
    resumed.load_state_dict(method.state_dict())
    held = [torch.cat([block.vectors for block in m.bank]) for m in (method, resumed)]
    assert torch.equal(*held)
    assert resumed.observed == {"anchor": 2, "button": 2}
