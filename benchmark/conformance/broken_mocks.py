"""Methods that break one rule each, with the checks that find it: what failing looks like."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import torch

from ..interface.block import Block
from ..interface.context import MethodContext
from ..interface.experience import TestBatch, TrainExperience
from ..interface.method import Method, State
from ..interface.params import Params, param
from ..interface.prediction import MemoryReport, Prediction
from .mocks import MockBank, MockImages, MockMean, MockReturning


class GlobalNoise(MockBank):
    """Draws from torch's global generator."""

    def score(self, batch: TestBatch) -> Prediction:
        return Prediction(super().score(batch).image_scores + torch.rand(len(batch)))


class GlobalSeed(MockMean):
    """Seeds the global generator, which repeats its own draws and spoils everybody else's."""

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        random.seed(self.context.seed)
        return super().observe(experience)


class BatchNormalized(MockBank):
    """Compares the images of a batch with one another."""

    def score(self, batch: TestBatch) -> Prediction:
        scores = super().score(batch).image_scores
        return Prediction(scores - scores.mean())


class LearnsFromTests(MockMean):
    """Moves towards the images that it scores."""

    def score(self, batch: TestBatch) -> Prediction:
        answer = super().score(batch)
        if batch.category in self.means:
            mean = self.means[str(batch.category)]
            self.means[str(batch.category)] = mean.lerp(batch.patches.mean((0, 1)), 0.01)
        return answer


class Forgetful(MockBank):
    """Saves its newest block only."""

    def state_dict(self) -> State:
        return {"vectors": [block.vectors for block in self.blocks[-1:]]}


class Unpackable(MockMean):
    """Has a set in its state."""

    def state_dict(self) -> State:
        return {**super().state_dict(), "categories": set(self.means)}


class Modest(MockBank):
    """Reports its newest block's memory only."""

    def memory(self) -> MemoryReport:
        newest = self.blocks[-1]
        return MemoryReport(len(newest), len(newest), newest.nbytes, newest.nbytes)


class Boastful(MockBank):
    """Claims that old categories' scores stay, though every block lies in one bank."""

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        super().observe(experience)
        return frozenset(experience.categories)


class ForgetsReturns(MockMean):
    """Adds to a category's mean when it returns, and saves no count of what the mean is of."""

    recurring = True

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.counts: dict[str, int] = {}

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        for category in experience.categories:
            _, patches = experience.patches(category)
            count = self.counts[category] = self.counts.get(category, 0) + 1
            before = self.means.get(category, patches.mean((0, 1)))
            self.means[category] = before + (patches.mean((0, 1)) - before) / count
        return frozenset(experience.categories)


class OneByOne(MockMean):
    """Takes an experience for its first category."""

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        (category,) = experience.categories
        _, patches = experience.patches(category)
        self.means[category] = patches.mean((0, 1))
        return frozenset({category})


class NeedsTheCategory(MockMean):
    """Has no inferred routing, and does not say so."""

    routings = ("oracle", "inferred")

    def score(self, batch: TestBatch) -> Prediction:
        assert batch.category is not None
        return super().score(batch)


class KnowsOnlyTheSeen(MockMean):
    """Cannot score a category that comes next."""

    def score(self, batch: TestBatch) -> Prediction:
        mean = self.means[str(batch.category)]
        return Prediction((batch.patches - mean).square().sum(2).amax(1))


class Misshapen(MockBank):
    """Answers with scores (B, 1)."""

    def score(self, batch: TestBatch) -> Prediction:
        return Prediction(super().score(batch).image_scores[:, None])


class NotFinite(MockBank):
    """Divides by zero."""

    def score(self, batch: TestBatch) -> Prediction:
        return Prediction(super().score(batch).image_scores / 0)


class WritesToBlocks(MockBank):
    """Normalizes blocks that other runs share."""

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        super().observe(experience)
        for block in self.blocks:
            block.vectors.div_(block.vectors.norm(dim=1, keepdim=True))
        self.blocks = [Block.of(block.vectors) for block in self.blocks]
        return None


@dataclass(frozen=True)
class UncheckedParams(Params):
    """Replaces the check of its values."""

    size: int = param(20, "vectors kept of each category", low=1)
    weight: float = param(1.0, "factor of the scores", above=0)

    def __post_init__(self) -> None:
        pass


class Unchecked(MockBank):
    """Accepts any value of a parameter."""

    Params = UncheckedParams


BROKEN: dict[type[Method], tuple[str, ...]] = {
    GlobalNoise: ("determinism", "random_state", "test_order", "state", "inferred"),
    GlobalSeed: ("random_state",),
    BatchNormalized: ("test_order", "inferred"),
    LearnsFromTests: ("test_order", "state", "claims"),
    Forgetful: ("state", "memory"),
    Unpackable: ("state", "memory"),
    Modest: ("memory",),
    Boastful: ("claims",),
    ForgetsReturns: ("recurring",),
    OneByOne: ("claims", "schedules"),
    NeedsTheCategory: ("inferred",),
    KnowsOnlyTheSeen: ("predictions",),
    Misshapen: ("predictions",),
    NotFinite: ("predictions",),
    WritesToBlocks: ("determinism", "shared"),
    Unchecked: ("parameters",),
}
"""Each class, and the checks that it fails."""


def good_mocks() -> tuple[type[Method], ...]:
    """Methods that keep every rule."""
    return MockBank, MockMean, MockImages, MockReturning


def broken_mocks() -> dict[type[Method], tuple[str, ...]]:
    """Methods that break a rule, with the checks that they fail."""
    return dict(BROKEN)
