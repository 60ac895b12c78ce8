"""Naive replay: the newest coreset beside a uniform random sample of everything older."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.method import Block, MemoryReport, MethodContext, State, TrainExperience
from benchmark.params import Params, param
from methods.memory_bank import SingleBank, bank_memory, pack_blocks, unpack_blocks
from results.errors import UsageError

CHUNK = 256
"""Vectors a block: a category's sample only ever loses its tail, so whole chunks stay shared."""


@dataclass(frozen=True)
class ReplayParams(Params):
    """Budgets in patch embeddings."""

    bank_budget: int = param(2400, "vectors in the bank: the new coreset plus the reservoir", low=1)
    class_budget: int = param(400, "vectors of the newest category's coreset", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_budget >= self.bank_budget:
            raise UsageError(
                f"replay.class_budget={self.class_budget} leaves no room for old patches in "
                f"bank_budget={self.bank_budget}; raise the one or lower the other"
            )


@dataclass(frozen=True, eq=False)
class Sample:
    """The patches of one category that the reservoir holds, by rising priority.

    category: its name, and where it was observed before, a number that keeps its samples apart;
    priorities (n,): uniform draws, one a patch; vectors: blocks of CHUNK rows, the last shorter.
    """

    category: str
    priorities: np.ndarray
    vectors: tuple[Block, ...]

    def first(self, count: int) -> Sample:
        """The `count` patches of the smallest priorities."""
        whole, rest = divmod(count, CHUNK)
        vectors = self.vectors[:whole]
        if rest:
            tail = self.vectors[whole]
            vectors += (tail if len(tail) == rest else tail.take(np.arange(rest)),)
        return Sample(self.category, self.priorities[:count], vectors)


class Replay(SingleBank):
    """One bank: the newest category's coreset plus a random reservoir of older patches.

    The reservoir is a uniform sample of all older patches. Each patch gets a random priority, drawn
    once, and the smallest ones stay: the same distribution as reservoir sampling (Vitter 1985),
    independent of the order in which patches are offered.
    """

    Params = ReplayParams

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.newest: list[Block] = []
        self.replayed: list[Sample] = []
        self.reservoir: list[Sample] = []
        self.observed: dict[str, int] = {}

    @classmethod
    def with_memory(cls, params: Any, vectors: int, categories: int) -> Any:
        return params.replace(bank_budget=vectors)

    @property
    def capacity(self) -> int:
        """Old patches that fit beside a coreset."""
        return int(self.params.bank_budget - self.params.class_budget)

    def observe(self, experience: TrainExperience) -> None:
        self.replayed = self.reservoir
        self.newest = []
        super().observe(experience)

    def add(self, experience: TrainExperience, category: str) -> None:
        if self.newest:
            self.replayed = self.reservoir
        self.newest = [self.context.coresets.select(experience, category, self.params.class_budget)]
        self.reservoir = kept([*self.reservoir, self._offer(experience, category)], self.capacity)
        self.bank = [*self.newest, *_blocks(self.replayed)]

    def memory(self) -> MemoryReport:
        return bank_memory(self.bank, [*self.newest, *_blocks(self._stored())])

    def state_dict(self) -> State:
        return {
            "newest": pack_blocks(self.newest),
            "samples": [_pack(sample) for sample in self._stored()],
            "replayed": [[sample.category, len(sample.priorities)] for sample in self.replayed],
            "reservoir": [[sample.category, len(sample.priorities)] for sample in self.reservoir],
            "observed": dict(self.observed),
        }

    def load_state_dict(self, state: State) -> None:
        samples = [_unpack(entry, self.context) for entry in state["samples"]]
        stored = {sample.category: sample for sample in samples}
        self.newest = unpack_blocks(state["newest"], self.context)
        self.observed = dict(state.get("observed", {}))
        self.replayed = [stored[category].first(count) for category, count in state["replayed"]]
        self.reservoir = [stored[category].first(count) for category, count in state["reservoir"]]
        self.bank = [*self.newest, *_blocks(self.replayed)]

    def _stored(self) -> list[Sample]:
        """The longest sample of each category: what is replayed now and what will be are
        beginnings of it."""
        longest: dict[str, Sample] = {}
        for sample in (*self.reservoir, *self.replayed):
            held = longest.get(sample.category)
            if held is None or len(sample.priorities) > len(held.priorities):
                longest[sample.category] = sample
        return list(longest.values())

    def _offer(self, experience: TrainExperience, category: str) -> Sample:
        """The patches of a new category that could enter the reservoir, by priority."""
        total = self.context.coresets.patch_count(experience, category)
        times = self.observed[category] = self.observed.get(category, 0) + 1
        name = category if times == 1 else f"{category}\n{times}"
        drawn = self.context.rng("reservoir", name).random(total)
        chosen = np.argsort(drawn, kind="stable")[: self.capacity]
        vectors = tuple(
            self.context.coresets.gather(experience, category, chosen[start : start + CHUNK])
            for start in range(0, len(chosen), CHUNK)
        )
        return Sample(name, drawn[chosen], vectors)


def kept(samples: Sequence[Sample], capacity: int) -> list[Sample]:
    """The `capacity` patches of the smallest priorities over all samples."""
    everything = np.sort(np.concatenate([sample.priorities for sample in samples]))
    if len(everything) <= capacity:
        return list(samples)
    limit = everything[capacity - 1]
    counts = [int(np.searchsorted(sample.priorities, limit, side="right")) for sample in samples]
    return [sample.first(n) for sample, n in zip(samples, counts, strict=True) if n]


def _blocks(samples: Sequence[Sample]) -> list[Block]:
    return [block for sample in samples for block in sample.vectors]


def _pack(sample: Sample) -> dict[str, Any]:
    return {
        "category": sample.category,
        "priorities": sample.priorities,
        "vectors": pack_blocks(sample.vectors),
    }


def _unpack(state: dict[str, Any], context: MethodContext) -> Sample:
    vectors = tuple(unpack_blocks(state["vectors"], context))
    return Sample(state["category"], state["priorities"], vectors)
