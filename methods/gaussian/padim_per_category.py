"""PaDiM with separate Gaussians per category."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import ExpertMemory, MemoryReport, Prediction
from ..routing.nearest_mean import NearestMean
from ..routing.scoring import score_with_experts
from .padim import category_moments, choose_dimensions
from .patch_gaussians import Gaussians


@dataclass(frozen=True)
class PadimPerCategoryParams(Params):
    """The values of the source for ResNet18; for WideResNet50 it uses 550 dimensions."""

    dimensions: int = param(100, "values per patch that are used, chosen at random", low=1)
    regularisation: float = param(0.01, "added to the diagonal of each covariance", above=0)


class PadimPerCategory(Method[PadimPerCategoryParams]):
    """PaDiM once per category: no forgetting under oracle routing, growing memory.

    Source: Defard et al., "PaDiM: a Patch Distribution Modeling Framework for Anomaly Detection and
    Localization" (ICPR 2020 workshops). The Gaussians are as published. The features are those of
    the run, averaged over neighboring patches; the paper uses layers 1 to 3 without averaging.
    Without the oracle, an image is scored by the category with the lowest mean distance of its
    patches.

    Memory: bytes only, as for `padim`: positions * d * (d + 1) * 4 per category.
    """

    Params = PadimPerCategoryParams

    def __init__(self, params: PadimPerCategoryParams, context: MethodContext) -> None:
        super().__init__(params, context)
        self.dimensions = choose_dimensions(context, params.dimensions)
        self.router = NearestMean(context)
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
        known = batch.category in self.categories
        owner = self.categories.index(str(batch.category)) if known else None
        patches = batch.patches[:, :, self.dimensions]
        distances = {
            index: partial(expert.distances, patches) for index, expert in enumerate(self.experts)
        }
        return score_with_experts(batch, distances, owner, self.router)

    def memory(self) -> MemoryReport:
        sizes = [expert.nbytes for expert in self.experts]
        experts = tuple(
            ExpertMemory(expert, (category,), 0, 0, size, size, utilization=1.0)
            for expert, (category, size) in enumerate(zip(self.categories, sizes, strict=True))
        )
        return MemoryReport(0, 0, sum(sizes), sum(sizes), experts)

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
            Gaussians(packed["mean"].to(device), packed["whitener"].to(device))
            for packed in state["experts"]
        ]
