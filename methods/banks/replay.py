"""Naive replay: the newest coreset beside a selection of everything older."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from ...benchmark.interface.block import Block
from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.method import State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import MemoryReport
from ...results.errors import UsageError
from .memory_bank import SingleBank, bank_memory, pack_blocks, unpack_blocks
from .samples import CHUNK, Sample, blocks_of, kept, pack_sample, ranked, unpack_sample

Selector: TypeAlias = Literal["reservoir", "random", "greedy", "herding", "kmeans"]


@dataclass(frozen=True)
class ReplayParams(Params):
    """Budgets in patch embeddings."""

    bank_budget: int = param(2400, "vectors in the bank: the new coreset plus the reservoir", low=1)
    class_budget: int = param(400, "vectors of the newest category's coreset", low=1)
    selector: Selector = param("reservoir", "which patches of older categories stay", later=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_budget >= self.bank_budget:
            raise UsageError(
                f"replay.class_budget={self.class_budget} leaves no room for old patches in "
                f"bank_budget={self.bank_budget}; raise the one or lower the other"
            )


class Replay(SingleBank):
    """One bank: the newest category's coreset plus a selection of older patches.

    `reservoir`: a uniform sample of all older patches. Each patch gets a random priority, drawn
    once, and the smallest ones stay: the same distribution as reservoir sampling (Vitter, "Random
    sampling with a reservoir", 1985), independent of the order in which patches are offered.

    With the others every older category has an equal share of the room, as iCaRL gives its
    exemplars (Rebuffi et al., CVPR 2017): the beginning of a selection made once, when the category
    came, of as many patches as its share was then. `random` draws it uniformly; `greedy` is the
    k-center coreset; `herding` is iCaRL's choice; `kmeans` takes the patches nearest the centers,
    in an order that halves them again and again (`services.coresets.k_means`). A beginning of the
    first three is the same selection of its own size.
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
        self.bank = [*self.newest, *blocks_of(self.replayed)]

    def memory(self) -> MemoryReport:
        return bank_memory(self.bank, [*self.newest, *blocks_of(self._stored())])

    def state_dict(self) -> State:
        return {
            "newest": pack_blocks(self.newest),
            "samples": [pack_sample(sample) for sample in self._stored()],
            "replayed": [[sample.category, len(sample.priorities)] for sample in self.replayed],
            "reservoir": [[sample.category, len(sample.priorities)] for sample in self.reservoir],
            "observed": dict(self.observed),
        }

    def load_state_dict(self, state: State) -> None:
        samples = [unpack_sample(entry, self.context) for entry in state["samples"]]
        stored = {sample.category: sample for sample in samples}
        self.newest = unpack_blocks(state["newest"], self.context)
        self.observed = dict(state.get("observed", {}))
        self.replayed = [stored[category].first(count) for category, count in state["replayed"]]
        self.reservoir = [stored[category].first(count) for category, count in state["reservoir"]]
        self.bank = [*self.newest, *blocks_of(self.replayed)]

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
        """The patches of a new category that could stay, by priority."""
        times = self.observed[category] = self.observed.get(category, 0) + 1
        name = category if times == 1 else f"{category}\n{times}"
        if self.params.selector != "reservoir":
            sample = ranked(
                self.context,
                experience,
                category,
                self.params.selector,
                budget=self.capacity,
                earlier=len(self.reservoir),
            )
            return replace(sample, category=name)
        total = self.context.coresets.patch_count(experience, category)
        drawn = self.context.rng("reservoir", name).random(total)
        chosen = np.argsort(drawn, kind="stable")[: self.capacity]
        vectors = tuple(
            self.context.coresets.gather(experience, category, chosen[start : start + CHUNK])
            for start in range(0, len(chosen), CHUNK)
        )
        return Sample(name, drawn[chosen], vectors)
