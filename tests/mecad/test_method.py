"""The method MECAD: the memory table of the paper, replay, routing, and seeds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cadbench.benchmark.interface.context import MethodContext
from cadbench.benchmark.interface.experience import TestBatch
from cadbench.benchmark.interface.memory_block import Block
from cadbench.benchmark.interface.method import CellFacts
from cadbench.benchmark.services.neighbors.service import Neighbors
from cadbench.mecad.method import Mecad
from cadbench.mecad.params import MecadParams
from cadbench.results.errors import UsageError

PAPER = {  # arXiv:2512.15323, five experts
    0: ["bottle", "cable", "capsule", "hazelnut", "metal_nut"],
    1: ["carpet", "wood", "zipper"],
    2: ["grid"],
    3: ["leather"],
    4: ["pill", "screw", "tile", "toothbrush", "transistor"],
}
UTILIZATION = {0: 83.33, 1: 50.0, 2: 16.67, 3: 16.67, 4: 83.33}


class SyntheticCoresets:
    """Coresets whose centroid points where a category's expert is, so that the paper's assignment
    follows from the features; vectors are random around it."""

    def __init__(self, groups: dict[int, list[str]], dim: int = 8) -> None:
        self.place = {c: group for group, names in groups.items() for c in names}
        self.dim = dim

    def centroid(self, experience, category):
        vector = np.zeros(self.dim)
        vector[self.place[category]] = 1.0
        return vector

    def patch_count(self, experience, category):
        return 10

    def select(self, experience, category, size, *, selector, start, seed):
        rng = np.random.default_rng(sorted(self.place).index(category))
        vectors = self.centroid(experience, category) + rng.normal(0, 0.05, (size, self.dim))
        return Block.of(torch.from_numpy(vectors))


class Experience:
    def __init__(self, *categories: str) -> None:
        self.categories = categories


def make(groups=PAPER, seed=0, routing="oracle", **params) -> tuple[Mecad, list[dict]]:
    events: list[dict] = []
    context = MethodContext(
        seed=seed,
        device=torch.device("cpu"),
        feature_dim=8,
        grid=(2, 2),
        routing=routing,
        coresets=SyntheticCoresets(groups),
        neighbors=Neighbors(),
        _record=lambda kind, values: events.append({"kind": kind, **values}),
    )
    params = {"experts": 5, "threshold": 0.9, **params}
    if "groups_given" in params:
        params["groups"] = params.pop("groups_given")
    facts = CellFacts("wide_resnet50_2", "official", 15)
    return Mecad(Mecad.resolve(MecadParams(**params), facts), context), events


def taught(**options) -> tuple[Mecad, list[dict]]:
    method, events = make(**options)
    for category in sorted(method.context.coresets.place):
        method.observe(Experience(category))
    return method, events


def test_the_papers_assignment_gives_its_utilization_table():
    method, _ = taught()
    table = {expert.expert: expert for expert in method.memory().experts}
    # The first category of each group opens the next expert, so groups are met by their content.
    for group, categories in PAPER.items():
        (found,) = (e for e in table.values() if list(e.categories) == categories)
        assert round(100 * found.utilization, 2) == UTILIZATION[group]
        assert found.scoring_vectors == 400 + 80 * (len(categories) - 1)
        assert found.stored_vectors == 400 * len(categories)


def test_the_newest_category_scores_with_all_of_its_coreset_and_older_ones_with_a_fifth():
    method, _ = taught(groups={0: ["a", "b", "c"]}, experts=1)
    expert = method.experts[0]
    assert [len(member.scoring) for member in expert.members] == [80, 80, 400]
    assert [member.buffer for member in expert.members] == [400, 400, 400]


def test_beyond_the_expert_budget_buffers_shrink_and_the_newest_coreset_still_scores_in_full():
    method, _ = taught(groups={0: list("abcdefg")}, experts=1)
    expert = method.experts[0]
    assert [member.buffer for member in expert.members] == [342] * 7
    assert [len(member.scoring) for member in expert.members] == [69] * 6 + [400]
    (memory,) = method.memory().experts
    assert memory.stored_vectors == 6 * 342 + 400
    assert memory.utilization == pytest.approx(7 * 342 / 2400)


def test_replayed_vectors_depend_on_seed_and_category_alone():
    few, _ = taught(groups={0: ["a", "b"]}, experts=1)
    many, _ = taught(groups={0: ["a", "b", "c", "d"]}, experts=1)
    other, _ = taught(groups={0: ["a", "b"]}, experts=1, seed=1)
    first = few.experts[0].members[0].scoring.digest
    assert first == many.experts[0].members[0].scoring.digest
    assert first != other.experts[0].members[0].scoring.digest


def test_redrawn_replay_changes_at_each_update():
    method, _ = make(groups={0: ["a", "b", "c"]}, experts=1, replay_redraw=True)
    seen = []
    for category in "abc":
        method.observe(Experience(category))
        seen.append(method.experts[0].members[0].scoring.digest)
    assert len(set(seen)) == 3


def test_only_the_chosen_experts_categories_are_claimed():
    method, _ = make(groups={0: ["a", "b"], 1: ["c"]})
    claims = [method.observe(Experience(category)) for category in "abc"]
    assert claims == [{"a"}, {"a", "b"}, {"c"}]


def test_categories_of_one_experience_are_observed_one_by_one():
    together, _ = make(groups={0: ["a", "b"], 1: ["c"]})
    together.observe(Experience("a", "b", "c"))
    alone, _ = taught(groups={0: ["a", "b"], 1: ["c"]})
    assert together.memory() == alone.memory()


def test_assignments_are_recorded_with_every_similarity():
    _, events = taught(groups={0: ["a"], 1: ["b", "c"]})
    rows = [event for event in events if event["category"] == "c"]
    assert [(row["expert"], row["chosen"]) for row in rows] == [(0, False), (1, True)]
    assert rows[1]["similarity"] == pytest.approx(1, abs=0.01)
    assert rows[0]["similarity"] == pytest.approx(0, abs=0.02)
    assert {row["threshold"] for row in rows} == {0.9}


def test_round_robin_spreads_categories_over_all_experts_and_records_the_rule():
    method, events = taught(groups={0: list("abcde")}, experts=2, assignment="round_robin")
    owned = {index: expert.categories for index, expert in method.experts.items()}
    assert owned == {0: ("a", "c", "e"), 1: ("b", "d")}
    chosen = [event for event in events if event["chosen"]]
    assert {event["reason"] for event in chosen} == {"round robin"}
    assert {event["threshold"] for event in events} == {None}


def test_given_groups_get_the_categories_they_name_however_different():
    method, events = taught(
        groups={0: ["a", "b"], 1: ["c"]}, assignment="given", groups_given="b/a+c"
    )
    owned = {index: expert.categories for index, expert in method.experts.items()}
    assert owned == {1: ("a", "c"), 0: ("b",)}
    assert [event["threshold"] for event in events] == [None] * len(events)


def test_random_assignment_depends_on_the_seed_and_fills_no_expert_beyond_its_room():
    seen = set()
    for seed in range(6):
        method, _ = taught(
            groups={0: list("abcdef")},
            experts=3,
            assignment="random",
            seed=seed,
            categories_per_expert=2,
        )
        assert [len(expert.members) for expert in method.experts.values()] == [2, 2, 2]
        seen.add(tuple(method.owners[c] for c in "abcdef"))
    assert len(seen) > 1


def test_the_papers_parameters_are_recorded_as_before_there_were_other_assignments():
    params = Mecad.resolve(MecadParams(), CellFacts("wide_resnet50_2", "official", 15))
    assert not {"assignment", "groups"} & params.as_dict().keys()
    assert params.whole()["assignment"] == "similarity"
    assert params.replace(assignment="random").as_dict()["assignment"] == "random"


def batch(vector: np.ndarray, category: str | None) -> TestBatch:
    patches = torch.from_numpy(np.tile(vector, (1, 4, 1))).float()
    return TestBatch(("id" + vector.tobytes().hex(),), category, lambda: patches, lambda: patches)


@pytest.mark.parametrize("router", ["nearest_mean", "nearest_max", "centroid"])
def test_inferred_routing_finds_the_expert_whose_memory_is_nearest(router):
    method, _ = taught(groups={0: ["a"], 1: ["b"]}, router=router, routing="inferred")
    target = method.context.coresets.centroid(None, "b")
    assert method.score(batch(target, None)).route.tolist() == [1]


def test_oracle_routing_uses_the_owner_however_near_another_expert_is():
    method, _ = taught(groups={0: ["a"], 1: ["b"]})
    target = method.context.coresets.centroid(None, "b")
    assert method.score(batch(target, "a")).route.tolist() == [0]


def test_a_category_that_nobody_owns_is_routed_as_under_inferred_routing():
    method, _ = taught(groups={0: ["a"], 1: ["b"]})
    target = method.context.coresets.centroid(None, "b")
    assert method.score(batch(target, "z")).route.tolist() == [1]


def test_nearest_mean_is_not_fooled_by_one_anomalous_patch_but_nearest_max_is():
    far = np.array([0.0, 0.9, 0, 0, 0, 0, 0, 0])
    patches = torch.zeros(1, 4, 8)
    patches[0, :3, 0] = 1.0  # three patches of category a
    patches[0, 3] = torch.from_numpy(far)  # one that looks like b
    routes = {}
    for router in ("nearest_mean", "nearest_max"):
        method, _ = taught(groups={0: ["a"], 1: ["b"]}, router=router)
        # An outlier far from a but nearer to b, while b is far from the rest.
        patches[0, 3, 1] = 3.0
        image = TestBatch((router,), None, lambda: patches, lambda: patches)
        routes[router] = method.score(image).route.tolist()
    assert routes == {"nearest_mean": [0], "nearest_max": [1]}


def test_auto_parameters_are_resolved_for_the_key():
    params = Mecad.resolve(MecadParams(), CellFacts("wide_resnet50_2", "official", 15))
    assert (params.threshold, params.categories_per_expert) == (0.9, 6)
    lite = Mecad.resolve(MecadParams(), CellFacts("tf_efficientnet_lite0", "concat", 7))
    assert 0 < lite.threshold < 1


def test_a_threshold_for_features_that_were_never_calibrated_must_be_given():
    with pytest.raises(UsageError, match=r"--set mecad\.threshold"):
        Mecad.resolve(MecadParams(), CellFacts("resnet18", "concat", 7))


def test_an_expert_budget_without_room_for_one_category_is_refused():
    with pytest.raises(UsageError, match="expert_budget=100"):
        Mecad.resolve(MecadParams(threshold=0.5, expert_budget=100), CellFacts("x", "y", 3))


def test_state_dict_continues_to_the_same_memory_and_replay():
    whole, _ = taught(groups={0: ["a", "c", "d"], 1: ["b"]}, replay="shrink")
    begun, _ = make(groups={0: ["a", "c", "d"], 1: ["b"]}, replay="shrink")
    for category in "abc":
        begun.observe(Experience(category))
    resumed, _ = make(groups={0: ["a", "c", "d"], 1: ["b"]}, replay="shrink")
    resumed.load_state_dict(begun.state_dict())
    resumed.observe(Experience("d"))
    assert resumed.memory() == whole.memory()
    digests = [
        [[m.scoring.digest for m in e.members] for _, e in sorted(method.experts.items())]
        for method in (whole, resumed)
    ]
    assert digests[0] == digests[1]
