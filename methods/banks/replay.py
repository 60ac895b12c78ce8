"""Naive replay: the newest coreset and a selection of older patches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.method import State
from ...benchmark.interface.params import param
from ...benchmark.interface.prediction import MemoryReport
from ...results.errors import UsageError
from ..bank_scoring import ScoringParams
from .category_samples import (
    CHUNK,
    Sample,
    blocks_of,
    pack_sample,
    select_share,
    trim_samples,
    unpack_sample,
)
from .memory_bank import SingleBank, bank_memory, pack_blocks, unpack_blocks

Selector: TypeAlias = Literal["reservoir", "random", "greedy", "herding", "kmeans"]


@dataclass(frozen=True)
class ReplayParams(ScoringParams):
    """Budgets in patch embeddings."""

    bank_budget: int = param(
        2400, "vectors in the bank: the newest coreset and older patches", low=1
    )
    class_budget: int = param(400, "vectors in the coreset of the newest category", low=1)
    selector: Selector = param(
        "reservoir", "how the patches of older categories are selected", later=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_budget >= self.bank_budget:
            raise UsageError(
                f"replay.class_budget={self.class_budget} leaves no room for old patches in "
                f"bank_budget={self.bank_budget}; lower class_budget or raise bank_budget"
            )


class Replay(SingleBank[ReplayParams]):
    """One bank: the coreset of the newest category and a selection of older patches.

    `selector=reservoir` keeps a uniform sample of all older patches. Each patch gets a random
    priority once, and the patches with the smallest priorities stay. This has the same distribution
    as reservoir sampling (Vitter, "Random sampling with a reservoir", 1985) and does not depend on
    the order in which patches are offered.

    With the other selectors every older category has an equal share, as in iCaRL (Rebuffi et al.,
    CVPR 2017): the first patches of a selection that was made when the category was learned.
    `random` samples uniformly; `greedy` is the k-center coreset; `herding` is iCaRL's selection,
    but without its normalization of features; `kmeans` takes the patches nearest the cluster
    centers, ordered by repeated halving (`services.coresets.k_means`). Except for `kmeans`, the
    first k patches are the selection of size k.
    """

    Params = ReplayParams

    def __init__(self, params: ReplayParams, context: MethodContext) -> None:
        super().__init__(params, context)
        self.newest: list[Block] = []
        self.replayed: list[Sample] = []
        self.reservoir: list[Sample] = []
        self.observed: dict[str, int] = {}

    @classmethod
    def with_memory(cls, params: ReplayParams, vectors: int, categories: int) -> ReplayParams:
        return params.replace(bank_budget=vectors)

    @property
    def capacity(self) -> int:
        """Number of older patches in the bank."""
        return self.params.bank_budget - self.params.class_budget

    def observe(self, experience: TrainExperience) -> None:
        self.replayed = self.reservoir
        self.newest = []
        super().observe(experience)

    def add(self, experience: TrainExperience, category: str) -> None:
        if self.newest:
            self.replayed = self.reservoir
        self.newest = [self.context.coresets.select(experience, category, self.params.class_budget)]
        self.reservoir = trim_samples(
            [*self.reservoir, self._offer(experience, category)], self.capacity
        )
        self.bank = [*self.newest, *blocks_of(self.replayed)]

    def memory(self) -> MemoryReport:
        return bank_memory(self.params, self.bank, [*self.newest, *blocks_of(self._stored())])

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
        """The longest sample of each category; shorter ones are its first patches."""
        longest: dict[str, Sample] = {}
        for sample in (*self.reservoir, *self.replayed):
            current = longest.get(sample.category)
            if current is None or len(sample.priorities) > len(current.priorities):
                longest[sample.category] = sample
        return list(longest.values())

    def _offer(self, experience: TrainExperience, category: str) -> Sample:
        """Sample a new category: the patches that may stay once it is an older one."""
        times = self.observed[category] = self.observed.get(category, 0) + 1
        name = category if times == 1 else f"{category}\n{times}"
        if self.params.selector != "reservoir":
            sample = select_share(
                self.context,
                experience,
                category,
                self.params.selector,
                budget=self.capacity,
                earlier=len(self.reservoir),
            )
            return replace(sample, category=name)
        total = self.context.coresets.patch_count(experience, category)
        priorities = self.context.rng("reservoir", name).random(total)
        chosen = np.argsort(priorities, kind="stable")[: self.capacity]
        vectors = tuple(
            self.context.coresets.gather(experience, category, chosen[start : start + CHUNK])
            for start in range(0, len(chosen), CHUNK)
        )
        return Sample(name, priorities[chosen], vectors)
