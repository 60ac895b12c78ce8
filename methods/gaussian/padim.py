"""PaDiM on a stream: one Gaussian a patch position, whose moments are added up over categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import MemoryReport, Prediction
from ..banks.memory_bank import prediction
from .patch_gaussians import Gaussians, Moments, gathered

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class PadimParams(Params):
    """The source's values for ResNet18; for WideResNet50 it keeps 550 dimensions."""

    dimensions: int = param(100, "values of a patch that are kept, drawn at random", low=1)
    regularisation: float = param(0.01, "added to the diagonal of each covariance", above=0)
    keep: Literal["all", "newest"] = param(
        "all", "whose moments the Gaussians have: all experiences', or the newest one's"
    )


class Padim(Method):
    """A Gaussian a patch position, of all categories together: nothing is dropped, all is mixed.

    Source: Defard et al., "PaDiM: a Patch Distribution Modeling Framework for Anomaly Detection and
    Localization" (ICPR 2020 workshops). An image's score is the largest Mahalanobis distance of its
    patches, before upsampling and smoothing.

    The counts, means and scatter matrices of new categories are added exactly, so one Gaussian
    describes every category seen so far, and gets wider and vaguer with each: what is lost is not
    forgotten, it is blurred. `keep=newest` forgets instead.

    Memory: a mean and a covariance are no patch embeddings, so no vectors are counted, only bytes:
    those of the moments. The Cholesky factors that score are derived from them.
    """

    Params = PadimParams
    recurring = True

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.dimensions = drawn_dimensions(context, params.dimensions)
        self.moments: Moments | None = None
        self._gaussians: Gaussians | None = None

    def observe(self, experience: TrainExperience) -> None:
        kept = self.moments if self.params.keep == "all" else None
        for category in experience.categories:
            new = category_moments(experience, category, self.dimensions)
            kept = new if kept is None else kept.merged(new)
        self._set(kept.stored() if kept is not None else None)

    def score(self, batch: TestBatch) -> Prediction:
        if self._gaussians is None:
            assert self.moments is not None, "an experience is observed before anything is scored"
            self._gaussians = Gaussians.of(self.moments, self.params.regularisation)
        distances = self._gaussians.distances(batch.patches[:, :, self.dimensions])
        return prediction(distances, self.context.grid)

    def memory(self) -> MemoryReport:
        held = self.moments.nbytes if self.moments is not None else 0
        return MemoryReport(0, 0, held, held)

    def state_dict(self) -> State:
        if self.moments is None:
            return {"moments": None}
        held = self.moments
        return {"moments": {"count": held.count, "mean": held.mean, "scatter": held.scatter}}

    def load_state_dict(self, state: State) -> None:
        held = state["moments"]
        device = self.context.device
        self._set(
            Moments(held["count"], held["mean"].to(device), held["scatter"].to(device))
            if held is not None
            else None
        )

    def _set(self, moments: Moments | None) -> None:
        self.moments, self._gaussians = moments, None


def drawn_dimensions(context: MethodContext, count: int) -> Tensor:
    """(d,) rising indices of the values of a patch that are kept: `count`, or all there are."""
    import torch

    rng = context.rng("padim dimensions")
    dim = context.feature_dim
    drawn = rng.choice(dim, min(count, dim), replace=False)
    return torch.from_numpy(np.sort(drawn)).to(context.device)


def category_moments(experience: TrainExperience, category: str, dimensions: Tensor) -> Moments:
    """The moments of a category's training patches, of these dimensions only; float64."""
    batches = experience.batches(category)
    return gathered(patches[:, :, dimensions] for _, patches in batches)
