"""One-class SVMs on image embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import ExpertMemory, MemoryReport, Prediction
from .image_embeddings import image_embeddings, train_embeddings
from .one_class_svm import OneClassSvm, fit_one_class_svm


@dataclass(frozen=True)
class OcsvmParams(Params):
    """scikit-learn's defaults, and what an SVM is fitted to."""

    nu: float = param(
        0.5, "upper bound of the share of training images outside", above=0, high=0.99
    )
    gamma: Literal["scale", "auto"] = param(
        "scale", "kernel width as in scikit-learn: scale is 1 / (D * variance), auto is 1 / D"
    )
    fit: Literal["replay", "newest", "per_category"] = param(
        "replay",
        "one SVM on the newest experience and a sample of earlier images, one on the newest "
        "experience only, or one per category",
    )
    budget: int = param(400, "embeddings of earlier images that replay stores", low=1)


class Ocsvm(Method[OcsvmParams]):
    """One-class SVM on mean patches, fitted to each new experience and a replayed sample.

    Source: Schölkopf et al., "Estimating the Support of a High-Dimensional Distribution" (Neural
    Computation 2001), with scikit-learn's `OneClassSVM` and its defaults. An SVM cannot be
    updated. So each experience fits a new one to all its images and a uniform random sample of
    earlier ones, whose embeddings are the memory. The score is the negative decision function
    divided by the sum of the dual coefficients, which makes SVMs of different sizes comparable.
    There are no maps.

    With `fit=per_category` and without the oracle, the SVM with the lowest score is used.

    Memory: support vectors and replayed embeddings count as vectors of length D, like patches.
    """

    Params = OcsvmParams

    def __init__(self, params: OcsvmParams, context: MethodContext) -> None:
        super().__init__(params, context)
        self.categories: list[str] = []
        self.svms: list[OneClassSvm] = []
        self.replayed = np.empty((0, context.feature_dim), np.float32)
        self.priorities = np.empty(0)

    def observe(self, experience: TrainExperience) -> frozenset[str] | None:
        new = [train_embeddings(experience, c).cpu().numpy() for c in experience.categories]
        if self.params.fit == "per_category":
            for category, embeddings in zip(experience.categories, new, strict=True):
                self._add(category, self._fit(embeddings))
            return frozenset(experience.categories)
        self.svms = [self._fit(np.concatenate([self.replayed, *new]))]
        if self.params.fit == "replay":
            for category, embeddings in zip(experience.categories, new, strict=True):
                self._offer(category, embeddings)
        return None

    def score(self, batch: TestBatch) -> Prediction:
        import torch

        embeddings = image_embeddings(batch.patches).double()
        if batch.category in self.categories:
            owner = self.categories.index(batch.category)
            route = torch.full((len(batch),), owner, dtype=torch.int16)
            return Prediction(self.svms[owner].scores(embeddings), route=route)
        lowest = torch.stack([svm.scores(embeddings) for svm in self.svms]).min(0)
        chosen = lowest.indices.cpu().to(torch.int16) if self.categories else None
        return Prediction(lowest.values, route=chosen)

    def memory(self) -> MemoryReport:
        vectors = [len(svm.vectors) for svm in self.svms]
        sizes = [svm.nbytes for svm in self.svms]
        replay = self.replayed.nbytes + self.priorities.nbytes
        experts = tuple(
            ExpertMemory(number, (category,), count, count, size, size, utilization=1.0)
            for number, (category, count, size) in enumerate(
                zip(self.categories, vectors, sizes, strict=bool(self.categories))
            )
        )
        return MemoryReport(
            sum(vectors),
            sum(vectors) + len(self.replayed),
            sum(sizes),
            sum(sizes) + replay,
            experts,
        )

    def state_dict(self) -> State:
        return {
            "categories": list(self.categories),
            "svms": [svm.to_state() for svm in self.svms],
            "replayed": self.replayed,
            "priorities": self.priorities,
        }

    def load_state_dict(self, state: State) -> None:
        device = self.context.device
        self.categories = list(state["categories"])
        self.svms = [OneClassSvm.from_state(packed, device) for packed in state["svms"]]
        self.replayed, self.priorities = state["replayed"], state["priorities"]

    def _fit(self, embeddings: np.ndarray) -> OneClassSvm:
        return fit_one_class_svm(embeddings, self.params.nu, self.params.gamma, self.context.device)

    def _add(self, category: str, svm: OneClassSvm) -> None:
        self.context.record(
            "assignment",
            category=category,
            expert=len(self.svms),
            similarity=None,
            chosen=True,
            reason="a machine of its own",
            threshold=None,
        )
        self.categories.append(category)
        self.svms.append(svm)

    def _offer(self, category: str, embeddings: np.ndarray) -> None:
        """Keep the images with the smallest random priorities: a uniform sample in any order."""
        new = self.context.rng("reservoir", category).random(len(embeddings))
        priorities = np.concatenate([self.priorities, new])
        chosen = np.argsort(priorities, kind="stable")[: self.params.budget]
        self.priorities = priorities[chosen]
        self.replayed = np.concatenate([self.replayed, embeddings])[chosen]
