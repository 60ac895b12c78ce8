"""Every reading of the paper against a plain, slow implementation of the entire method."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from cadbench.benchmark.interface.context import MethodContext
from cadbench.benchmark.interface.memory_block import Block
from cadbench.benchmark.interface.method import CellFacts
from cadbench.benchmark.system.rng import generator
from cadbench.mecad.method import Mecad
from cadbench.mecad.params import MecadParams

NAMES = "abcdefg"
CLASS, EXPERT, RATIO, THRESHOLD, EXPERTS, ROOM = 12, 30, 0.25, 0.8, 3, 4
PATCHES = {
    name: (np.eye(5)[place % 4] + np.random.default_rng(10 + place).normal(size=(40, 5))).astype(
        np.float32
    )
    for place, name in enumerate(NAMES)
}


def greedy(vectors: np.ndarray, size: int) -> list[int]:
    """Plain greedy k-center selection from the vector nearest the mean."""
    vectors = vectors.astype(np.float64)
    squares = ((vectors - vectors.mean(0)) ** 2).sum(1)
    picks = [int(squares.argmin())]
    nearest = ((vectors - vectors[picks[0]]) ** 2).sum(1)
    while len(picks) < min(size, len(vectors)):
        picks.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((vectors - vectors[picks[-1]]) ** 2).sum(1))
    return picks


class PlainCoresets:
    """The services that MECAD uses, over PATCHES."""

    def select(self, experience, category, size, **options):
        patches = PATCHES[category]
        return Block.of(torch.from_numpy(patches[greedy(patches, size)]))

    def reduce(self, blocks, size):
        return np.array(greedy(torch.cat([block.vectors for block in blocks]).numpy(), size))

    def centroid(self, experience, category):
        return PATCHES[category].astype(np.float64).mean(0)

    def patch_count(self, experience, category):
        return len(PATCHES[category])


class Experience:
    def __init__(self, *categories: str) -> None:
        self.categories = categories


def learned(seed: int, **reading) -> Mecad:
    context = MethodContext(
        seed=seed,
        device=torch.device("cpu"),
        feature_dim=5,
        grid=(1, 1),
        routing="oracle",
        coresets=PlainCoresets(),
        neighbors=None,
        _record=lambda kind, values: None,
    )
    params = MecadParams(
        experts=EXPERTS,
        threshold=THRESHOLD,
        class_budget=CLASS,
        expert_budget=EXPERT,
        replay_ratio=RATIO,
        categories_per_expert=ROOM,
        **reading,
    )
    method = Mecad(Mecad.resolve(params, CellFacts("x", "y", len(NAMES))), context)
    for name in NAMES:
        method.observe(Experience(name))
    return method


def plain_mecad(seed, centroid, expert_centroid, update, replay_share):
    """Owners and memories, all recomputed from the definition at every step."""
    coreset = {name: PATCHES[name][greedy(PATCHES[name], CLASS)] for name in NAMES}
    of_category = coreset if centroid == "coreset" else PATCHES
    mu = {name: of_category[name].astype(np.float64).mean(0) for name in NAMES}

    def buffer(name, owned):
        return coreset[name][: min(CLASS, EXPERT // len(owned))]

    def memory(owned):
        """M_e after the last of `owned` was learned."""
        *older, newest = owned
        parts = [coreset[newest]]
        for place, name in enumerate(older):
            kept = buffer(name, owned)
            count = math.ceil(RATIO * len(kept))
            if replay_share != "buffer":
                budget = math.ceil(RATIO * (CLASS if replay_share == "class_budget" else EXPERT))
                count = budget // len(older) + (place < budget % len(older))
            priorities = generator(seed, "replay", name).random(CLASS)[: len(kept)]
            parts.append(kept[np.argsort(priorities)[: min(count, len(kept))]])
        union = np.concatenate(parts)
        if update == "reselect":
            # The order of equal vectors does not matter: older categories first, as learned.
            union = np.concatenate(
                [*(np.array(sorted_as(p, coreset)) for p in parts[1:]), parts[0]]
            )
            union = union[greedy(union, CLASS)]
        return union

    def sorted_as(part, coresets):
        """The vectors of a part in the order of the coreset that they come from."""
        place = {row.tobytes(): k for rows in coresets.values() for k, row in enumerate(rows)}
        return sorted(part, key=lambda row: place[row.tobytes()])

    def expert_mean(owned):
        if expert_centroid == "categories":
            return np.mean([mu[name] for name in owned], axis=0)
        if expert_centroid == "memory":
            return memory(owned).astype(np.float64).mean(0)
        return np.concatenate([buffer(name, owned) for name in owned]).astype(np.float64).mean(0)

    experts: list[list[str]] = []
    for name in NAMES:
        cosines = []
        for owned in experts:
            mean = expert_mean(owned)
            cosines.append(mu[name] @ mean / np.linalg.norm(mu[name]) / np.linalg.norm(mean))
        free = [e for e, owned in enumerate(experts) if len(owned) < ROOM]
        best = max(free, key=lambda e: cosines[e], default=None)
        if len(experts) < EXPERTS and (best is None or cosines[best] <= THRESHOLD):
            experts.append([name])
        else:
            assert best is not None
            experts[best].append(name)
    return experts, [memory(owned) for owned in experts]


READINGS = list(
    itertools.product(
        ["patches", "coreset"],
        ["categories", "memory", "buffer"],
        ["union", "reselect"],
        ["buffer", "class_budget", "expert_budget"],
    )
)


@pytest.mark.parametrize("reading", READINGS, ids="-".join)
def test_owners_and_memories_are_those_of_a_plain_implementation(reading):
    names = ("centroid", "expert_centroid", "update", "replay_share")
    method = learned(3, **dict(zip(names, reading, strict=True)))
    experts, memories = plain_mecad(3, *reading)
    owned = [list(expert.categories) for _, expert in sorted(method.experts.items())]
    assert owned == experts
    for (_, expert), expected in zip(sorted(method.experts.items()), memories, strict=True):
        found = torch.cat([block.vectors for block in expert.memory]).numpy()
        assert sorted(map(bytes, found)) == sorted(map(bytes, expected))


def test_readings_differ_in_groups_or_memories():
    """Otherwise the comparison above would say nothing about the parameters."""
    groups = [str(plain_mecad(3, *reading)[0]) for reading in READINGS]
    assert len(set(groups)) >= 4
    memories = [plain_mecad(3, *READINGS[0][:2], *reading[2:])[1] for reading in READINGS[:6]]
    assert len({str([len(memory) for memory in each]) for each in memories}) >= 4


def test_a_stored_centroid_counts_as_memory_and_survives_a_checkpoint():
    method = learned(0)
    (expert, *_) = method.experts.values()
    vectors = method.memory().experts[0].stored_vectors
    assert method.memory().experts[0].stored_bytes == vectors * 5 * 4 + len(expert.members) * 5 * 8
    resumed = learned(0)
    resumed.load_state_dict(method.state_dict())
    assert resumed.memory() == method.memory()
    np.testing.assert_array_equal(
        resumed.experts[0].centroid("categories"), expert.centroid("categories")
    )


def test_the_centroid_of_a_category_that_returns_is_that_of_all_its_patches():
    method = learned(0)
    before = PATCHES["a"].copy()
    try:
        PATCHES["a"] = np.concatenate([before, before])[:20] + 1
        method.observe(Experience("a"))
        expected = np.concatenate([before, PATCHES["a"]]).astype(np.float64).mean(0)
    finally:
        PATCHES["a"] = before
    (member,) = [m for e in method.experts.values() for m in e.members if m.category == "a"]
    np.testing.assert_allclose(member.centroid, expected)
    assert member.patches == 60
