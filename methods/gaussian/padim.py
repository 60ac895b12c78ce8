"""PaDiM with one Gaussian per patch position, whose moments are merged over categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import MemoryReport, Prediction
from ..patch_prediction import predict_from_distances
from .patch_gaussians import Gaussians, Moments, moments_of

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class PadimParams(Params):
    """The values of the source for ResNet18; for WideResNet50 it uses 550 dimensions."""

    dimensions: int = param(100, "values per patch that are used, chosen at random", low=1)
    regularisation: float = param(0.01, "added to the diagonal of each covariance", above=0)
    keep: Literal["all", "newest"] = param(
        "all", "fit the Gaussians to all experiences, or to the newest only"
    )


class Padim(Method[PadimParams]):
    """One Gaussian per patch position for all categories together, updated exactly.

    Source: Defard et al., "PaDiM: a Patch Distribution Modeling Framework for Anomaly Detection and
    Localization" (ICPR 2020 workshops). The image score is the largest Mahalanobis distance of a
    patch, without upsampling and smoothing.

    Counts, means and scatter matrices of new categories are merged exactly. So nothing is
    forgotten, but the Gaussian becomes wider and less specific with each category. `keep=newest`
    forgets instead.

    Memory: no vectors are counted, because means and covariances are not patch embeddings; bytes
    are those of the moments. The Cholesky factors that score are derived from the moments.
    """

    Params = PadimParams
    recurring = True

    def __init__(self, params: PadimParams, context: MethodContext) -> None:
        super().__init__(params, context)
        self.dimensions = choose_dimensions(context, params.dimensions)
        self.moments: Moments | None = None
        self._gaussians: Gaussians | None = None

    def observe(self, experience: TrainExperience) -> None:
        moments = self.moments if self.params.keep == "all" else None
        for category in experience.categories:
            new = category_moments(experience, category, self.dimensions)
            moments = new if moments is None else moments.merged(new)
        self._set(moments.to_float32() if moments is not None else None)

    def score(self, batch: TestBatch) -> Prediction:
        if self._gaussians is None:
            assert self.moments is not None, "observe is called before score"
            self._gaussians = Gaussians.of(self.moments, self.params.regularisation)
        distances = self._gaussians.distances(batch.patches[:, :, self.dimensions])
        return predict_from_distances(distances, self.context.grid)

    def memory(self) -> MemoryReport:
        nbytes = self.moments.nbytes if self.moments is not None else 0
        return MemoryReport(0, 0, nbytes, nbytes)

    def state_dict(self) -> State:
        moments = self.moments
        if moments is None:
            return {"moments": None}
        packed = {"count": moments.count, "mean": moments.mean, "scatter": moments.scatter}
        return {"moments": packed}

    def load_state_dict(self, state: State) -> None:
        packed = state["moments"]
        device = self.context.device
        self._set(
            Moments(packed["count"], packed["mean"].to(device), packed["scatter"].to(device))
            if packed is not None
            else None
        )

    def _set(self, moments: Moments | None) -> None:
        """Set the moments and drop the Gaussians that were derived from the old ones."""
        self.moments, self._gaussians = moments, None


def choose_dimensions(context: MethodContext, count: int) -> Tensor:
    """Choose values of a patch embedding at random.

    Args:
        context: gives the length of an embedding and the generator.
        count: number of values; all are chosen if there are no more.

    Returns:
        (d,) ascending indices.
    """
    import torch

    rng = context.rng("padim dimensions")
    dim = context.feature_dim
    chosen = rng.choice(dim, min(count, dim), replace=False)
    return torch.from_numpy(np.sort(chosen)).to(context.device)


def category_moments(experience: TrainExperience, category: str, dimensions: Tensor) -> Moments:
    """Moments (float64) of the training patches of a category, restricted to `dimensions` (d,)."""
    batches = experience.batches(category)
    return moments_of(patches[:, :, dimensions] for _, patches in batches)
