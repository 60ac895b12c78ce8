"""A one-class SVM on image embeddings, on a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import ExpertMemory, MemoryReport, Prediction
from .image_embedding import mean_patches, train_embeddings
from .support_vectors import SupportVectors, fitted


@dataclass(frozen=True)
class OcsvmParams(Params):
    """scikit-learn's defaults, and what the machine is fitted on."""

    nu: float = param(
        0.5, "at most this share of the training images is outside", above=0, high=0.99
    )
    gamma: Literal["scale", "auto"] = param(
        "scale", "kernel width, as scikit-learn calls it: 1 / (D * variance), or 1 / D"
    )
    fit: Literal["replay", "newest", "per_category"] = param(
        "replay",
        "one machine on the newest experience and a sample of earlier images, or on the newest "
        "alone; or a machine a category",
    )
    budget: int = param(400, "embeddings of earlier images that replay keeps", low=1)


class Ocsvm(Method):
    """One-class SVM on mean patches, fitted anew on the newest experience and a replayed sample.

    Source: Schölkopf et al., "Estimating the Support of a High-Dimensional Distribution" (Neural
    Computation 2001), as scikit-learn's `OneClassSVM` with its defaults. A machine cannot be
    updated, so a stream needs a reading: here each experience fits a new one on all its images and
    a uniform random sample of earlier ones, whose embeddings are the memory. The score is the
    negative decision function, divided by the sum of the dual coefficients, so that machines of
    different sizes compare; there are no maps.

    Without the oracle, machines of their own (`fit=per_category`) answer where the score is lowest.

    Memory: support vectors and replayed embeddings are vectors of D values, as patches are.
    """

    Params = OcsvmParams

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.categories: list[str] = []
        self.machines: list[SupportVectors] = []
        self.replayed = np.empty((0, context.feature_dim), np.float32)
        self.priorities = np.empty(0)

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        new = [train_embeddings(experience, c).cpu().numpy() for c in experience.categories]
        if self.params.fit == "per_category":
            for category, embeddings in zip(experience.categories, new, strict=True):
                self._add(category, self._fitted(embeddings))
            return frozenset(experience.categories)
        self.machines = [self._fitted(np.concatenate([self.replayed, *new]))]
        if self.params.fit == "replay":
            for category, embeddings in zip(experience.categories, new, strict=True):
                self._offer(category, embeddings)
        return None

    def score(self, batch: TestBatch) -> Prediction:
        import torch

        embeddings = mean_patches(batch.patches).double()
        if batch.category in self.categories:
            owner = self.categories.index(batch.category)
            told = torch.full((len(batch),), owner, dtype=torch.int16)
            return Prediction(self.machines[owner].scores(embeddings), route=told)
        lowest = torch.stack([machine.scores(embeddings) for machine in self.machines]).min(0)
        route = lowest.indices.cpu().to(torch.int16) if self.categories else None
        return Prediction(lowest.values, route=route)

    def memory(self) -> MemoryReport:
        vectors = [len(machine.vectors) for machine in self.machines]
        held = [machine.nbytes for machine in self.machines]
        replay = self.replayed.nbytes + self.priorities.nbytes
        experts = tuple(
            ExpertMemory(number, (category,), count, count, size, size, utilization=1.0)
            for number, (category, count, size) in enumerate(
                zip(self.categories, vectors, held, strict=bool(self.categories))
            )
        )
        return MemoryReport(
            sum(vectors), sum(vectors) + len(self.replayed), sum(held), sum(held) + replay, experts
        )

    def state_dict(self) -> State:
        return {
            "categories": list(self.categories),
            "machines": [machine.packed() for machine in self.machines],
            "replayed": self.replayed,
            "priorities": self.priorities,
        }

    def load_state_dict(self, state: State) -> None:
        device = self.context.device
        self.categories = list(state["categories"])
        self.machines = [SupportVectors.unpacked(held, device) for held in state["machines"]]
        self.replayed, self.priorities = state["replayed"], state["priorities"]

    def _fitted(self, embeddings: np.ndarray) -> SupportVectors:
        return fitted(embeddings, self.params.nu, self.params.gamma, self.context.device)

    def _add(self, category: str, machine: SupportVectors) -> None:
        self.context.record(
            "assignment",
            category=category,
            expert=len(self.machines),
            similarity=None,
            chosen=True,
            reason="a machine of its own",
            threshold=None,
        )
        self.categories.append(category)
        self.machines.append(machine)

    def _offer(self, category: str, embeddings: np.ndarray) -> None:
        """Keep the images of the smallest priorities: a uniform sample, whatever the order."""
        drawn = self.context.rng("reservoir", category).random(len(embeddings))
        priorities = np.concatenate([self.priorities, drawn])
        kept = np.argsort(priorities, kind="stable")[: self.params.budget]
        self.priorities = priorities[kept]
        self.replayed = np.concatenate([self.replayed, embeddings])[kept]
