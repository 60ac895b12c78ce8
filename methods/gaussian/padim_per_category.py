"""PaDiM with Gaussians of their own for each category."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import ExpertMemory, MemoryReport, Prediction
from ..banks.memory_bank import prediction
from .padim import category_moments, drawn_dimensions
from .patch_gaussians import Gaussians


@dataclass(frozen=True)
class PadimPerCategoryParams(Params):
    """The source's values for ResNet18; for WideResNet50 it keeps 550 dimensions."""

    dimensions: int = param(100, "values of a patch that are kept, drawn at random", low=1)
    regularisation: float = param(0.01, "added to the diagonal of each covariance", above=0)


class PadimPerCategory(Method):
    """PaDiM as published, once a category: no forgetting under oracle routing, growing memory.

    Source: Defard et al., "PaDiM: a Patch Distribution Modeling Framework for Anomaly Detection and
    Localization" (ICPR 2020 workshops). Without the oracle an image goes to the category with the
    lowest mean distance of its patches.

    Memory: bytes only, as of `padim`; a category's are positions * d * (d + 1) * 4.
    """

    Params = PadimPerCategoryParams

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.dimensions = drawn_dimensions(context, params.dimensions)
        self.categories: list[str] = []
        self.experts: list[Gaussians] = []

    def observe(self, experience: TrainExperience) -> frozenset[str]:
        for category in experience.categories:
            moments = category_moments(experience, category, self.dimensions)
            self.context.record(
                "assignment",
                category=category,
                expert=len(self.experts),
                similarity=None,
                chosen=True,
                reason="Gaussians of its own",
                threshold=None,
            )
            self.categories.append(category)
            self.experts.append(Gaussians.of(moments, self.params.regularisation))
        return frozenset(experience.categories)

    def score(self, batch: TestBatch) -> Prediction:
        import torch

        patches = batch.patches[:, :, self.dimensions]
        if batch.category in self.categories:
            owner = self.categories.index(batch.category)
            distances = self.experts[owner].distances(patches)
            route = torch.full((len(batch),), owner, dtype=torch.int16)
            return prediction(distances, self.context.grid, route)
        every = torch.stack([expert.distances(patches) for expert in self.experts])
        best = every.double().mean(2).argmin(0)
        distances = every[best, torch.arange(len(batch), device=best.device)]
        return prediction(distances, self.context.grid, best.cpu().to(torch.int16))

    def memory(self) -> MemoryReport:
        held = [expert.nbytes for expert in self.experts]
        experts = tuple(
            ExpertMemory(expert, (category,), 0, 0, size, size, utilization=1.0)
            for expert, (category, size) in enumerate(zip(self.categories, held, strict=True))
        )
        return MemoryReport(0, 0, sum(held), sum(held), experts)

    def state_dict(self) -> State:
        return {
            "categories": list(self.categories),
            "experts": [
                {"mean": expert.mean, "whitener": expert.whitener} for expert in self.experts
            ],
        }

    def load_state_dict(self, state: State) -> None:
        device = self.context.device
        self.categories = list(state["categories"])
        self.experts = [
            Gaussians(held["mean"].to(device), held["whitener"].to(device))
            for held in state["experts"]
        ]
