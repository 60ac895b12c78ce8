"""Methods that break one rule each, and the checks that find it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import torch

from ..interface.context import MethodContext
from ..interface.experience import TestBatch, TrainExperience
from ..interface.memory_block import Block
from ..interface.method import Method, State
from ..interface.params import Params, param
from ..interface.prediction import MemoryReport, Prediction
from .mocks import MockBank, MockImages, MockMean, MockReturning


class GlobalNoise(MockBank):
    """Uses torch's global generator."""

    def score(self, batch: TestBatch) -> Prediction:
        return Prediction(super().score(batch).image_scores + torch.rand(len(batch)))


class GlobalSeed(MockMean):
    """Seeds the global generator, which makes the random numbers of other code repeat."""

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        random.seed(self.context.seed)
        return super().observe(experience)


class ScoresByIds(MockBank):
    """Draws a random number for each image id."""

    def score(self, batch: TestBatch) -> Prediction:
        noise = [self.context.rng("noise", identity).random() for identity in batch.ids]
        scores = super().score(batch).image_scores
        return Prediction(scores + torch.tensor(noise, dtype=torch.float32))


class BatchNormalized(MockBank):
    """Normalizes scores over the batch."""

    def score(self, batch: TestBatch) -> Prediction:
        scores = super().score(batch).image_scores
        return Prediction(scores - scores.mean())


class LearnsFromTests(MockMean):
    """Updates its model with the images that it scores."""

    def score(self, batch: TestBatch) -> Prediction:
        prediction = super().score(batch)
        if batch.category in self.means:
            mean = self.means[str(batch.category)]
            self.means[str(batch.category)] = mean.lerp(batch.patches.mean((0, 1)), 0.01)
        return prediction


class Forgetful(MockBank):
    """Saves only its newest block."""

    def state_dict(self) -> State:
        return {"vectors": [block.vectors for block in self.blocks[-1:]]}


class Unpackable(MockMean):
    """Has a set in its state."""

    def state_dict(self) -> State:
        return {**super().state_dict(), "categories": set(self.means)}


class Modest(MockBank):
    """Reports the memory of only its newest block."""

    def memory(self) -> MemoryReport:
        newest = self.blocks[-1]
        return MemoryReport(len(newest), len(newest), newest.nbytes, newest.nbytes)


class Boastful(MockBank):
    """Claims that the scores of old categories stay, though all share one memory bank."""

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        super().observe(experience)
        return frozenset(experience.categories)


class ForgetsReturns(MockMean):
    """Updates the mean of a category that returns, but does not save the count behind it."""

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
    """Fails on an experience of several categories."""

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        (category,) = experience.categories
        _, patches = experience.patches(category)
        self.means[category] = patches.mean((0, 1))
        return frozenset({category})


class NeedsTheCategory(MockMean):
    """Declares inferred routing, which it does not have."""

    routings = ("oracle", "inferred")

    def score(self, batch: TestBatch) -> Prediction:
        assert batch.category is not None
        return super().score(batch)


class KnowsOnlyTheSeen(MockMean):
    """Cannot score a category that it has not observed."""

    def score(self, batch: TestBatch) -> Prediction:
        mean = self.means[str(batch.category)]
        return Prediction((batch.patches - mean).square().sum(2).amax(1))


class Misshapen(MockBank):
    """Returns scores of shape (B, 1)."""

    def score(self, batch: TestBatch) -> Prediction:
        return Prediction(super().score(batch).image_scores[:, None])


class NotFinite(MockBank):
    """Divides by zero."""

    def score(self, batch: TestBatch) -> Prediction:
        return Prediction(super().score(batch).image_scores / 0)


class WritesToBlocks(MockBank):
    """Normalizes blocks in place that other runs share."""

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        super().observe(experience)
        for block in self.blocks:
            block.vectors.div_(block.vectors.norm(dim=1, keepdim=True))
        self.blocks = [Block.of(block.vectors) for block in self.blocks]
        return None


@dataclass(frozen=True)
class UncheckedParams(Params):
    """Overrides the check of its values."""

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
    ScoresByIds: ("determinism", "inferred"),
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
"""The checks that each class fails."""


def good_mocks() -> tuple[type[Method], ...]:
    """Methods that keep every rule."""
    return MockBank, MockMean, MockImages, MockReturning


def broken_mocks() -> dict[type[Method], tuple[str, ...]]:
    """Methods that break a rule, and the checks that they fail."""
    return dict(BROKEN)
