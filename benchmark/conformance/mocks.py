"""Small methods that keep every rule, for tests and as examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from ..interface.context import MethodContext, Routing
from ..interface.experience import TestBatch, TrainExperience
from ..interface.memory_block import Block
from ..interface.method import Method, State
from ..interface.params import Params, param
from ..interface.prediction import MemoryReport, Prediction


@dataclass(frozen=True)
class MockParams(Params):
    """A size and a weight, for tests of sweeps and of wrong values."""

    size: int = param(20, "vectors kept of each category", low=1)
    weight: float = param(1.0, "factor of the scores", above=0, high=10)


class MockBank(Method):
    """One memory bank with the coresets of all categories: uses the services, has both routings."""

    Params: ClassVar[type[Params]] = MockParams

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.blocks: list[Block] = []

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        for category in experience.categories:
            select = self.context.coresets.select
            self.blocks.append(select(experience, category, self.params.size))
        return None

    def score(self, batch: TestBatch) -> Prediction:
        distances = self.context.neighbors.min_distance(batch, self.blocks) * self.params.weight
        return Prediction(distances.amax(1), distances.reshape(-1, *self.context.grid))

    def memory(self) -> MemoryReport:
        vectors = sum(len(block) for block in self.blocks)
        nbytes = sum(block.nbytes for block in self.blocks)
        return MemoryReport(vectors, vectors, nbytes, nbytes)

    def state_dict(self) -> State:
        return {"vectors": [block.vectors for block in self.blocks]}

    def load_state_dict(self, state: State) -> None:
        self.blocks = [Block.of(vectors) for vectors in state["vectors"]]


class MockReturning(MockBank):
    """One memory bank, to which a category that returns adds another coreset."""

    recurring = True


class MockMean(Method):
    """The mean patch of each category: no services, exact claims, oracle routing only."""

    Params = MockParams
    routings: ClassVar[tuple[Routing, ...]] = ("oracle",)

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.means: dict[str, torch.Tensor] = {}

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        for category in experience.categories:
            _, patches = experience.patches(category)
            self.means[category] = patches.mean((0, 1))
        return frozenset(experience.categories)

    def score(self, batch: TestBatch) -> Prediction:
        own = self.means.get(str(batch.category))
        mean = torch.stack(list(self.means.values())).mean(0) if own is None else own
        distances = (batch.patches - mean).square().sum(2).sqrt() * self.params.weight
        return Prediction(distances.amax(1))

    def memory(self) -> MemoryReport:
        nbytes = sum(mean.numel() * mean.element_size() for mean in self.means.values())
        return MemoryReport(len(self.means), len(self.means), nbytes, nbytes)

    def state_dict(self) -> State:
        return {"means": dict(self.means)}

    def load_state_dict(self, state: State) -> None:
        self.means = dict(state["means"])


class MockImages(MockMean):
    """The mean color of each category: a method that uses images."""

    uses_images = True

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        for category in experience.categories:
            _, images = experience.images(category)
            self.means[category] = images.float().mean((0, 2, 3))
        return frozenset(experience.categories)

    def score(self, batch: TestBatch) -> Prediction:
        own = self.means.get(str(batch.category))
        mean = torch.stack(list(self.means.values())).mean(0) if own is None else own
        return Prediction((batch.images().float().mean((2, 3)) - mean).square().sum(1).sqrt())
