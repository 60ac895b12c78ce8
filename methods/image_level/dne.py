"""DNE: one Gaussian of normal image embeddings per experience, and one over all experiences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import MemoryReport, Prediction
from .image_embeddings import image_embeddings, train_embeddings

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class DneParams(Params):
    """How the Gaussian over all experiences is computed; the source has no parameter for it."""

    pooling: Literal["sampled", "moments"] = param(
        "sampled",
        "how past experiences enter: samples of their Gaussians (the source), or merged moments",
    )


@dataclass(frozen=True, eq=False)
class Distribution:
    """A Gaussian fitted to image embeddings.

    Attributes:
        count: number of embeddings.
        mean: (D,) float32.
        covariance: (D, D) float32, Ledoit-Wolf estimate.
    """

    count: int
    mean: np.ndarray
    covariance: np.ndarray


class Dne(Method[Any]):
    """DNE's head on frozen features: one stored Gaussian per experience, one Gaussian to score.

    Source: Li et al., "Towards Continual Adaptation in Industrial Anomaly Detection" (ACM MM 2022):
    the distribution of normal embeddings. We implement its memory and its detector, but not its
    training, which `dne_finetuned` adds. The source fine-tunes a ViT-B/16 on each experience (with
    the head fixed after the first) to tell normal images from CutPaste-like ones, and uses the
    class token as the embedding.
    Here the embedding is the mean patch of the frozen backbone. So stored distributions stay valid
    and the network cannot forget.

    As in the authors' code, embeddings are normalized and covariances are Ledoit-Wolf estimates.
    For every earlier experience, as many embeddings as it had images are sampled from its Gaussian,
    normalized, and fitted together with the new ones. The score is the Mahalanobis distance of the
    image embedding; there are no maps. All categories share one Gaussian, so there is no routing.

    Memory: bytes only: the mean and covariance of each experience, and the mean and inverse
    covariance that score.
    """

    Params = DneParams
    recurring = True

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.distributions: list[Distribution] = []
        self.mean = np.empty(0, np.float32)
        self.precision = np.empty((0, 0), np.float32)

    def observe(self, experience: TrainExperience) -> None:
        import torch

        parts = [self.training_embeddings(experience, each) for each in experience.categories]
        new = normalize_rows(torch.cat(parts).double().cpu().numpy())
        distributions = [*self.distributions, fit_distribution(new)]
        if self.params.pooling == "moments":
            pooled = merge_moments(distributions)
        else:
            past = [self._sample(index, one) for index, one in enumerate(self.distributions)]
            pooled = fit_distribution(normalize_rows(np.concatenate([*past, new])))
        self.distributions = distributions
        self.mean, self.precision = pooled.mean, precision(pooled.covariance)

    def score(self, batch: TestBatch) -> Prediction:
        import torch

        device = self.context.device
        embeddings = torch.nn.functional.normalize(self.test_embeddings(batch).double(), dim=1)
        deviations = embeddings - torch.from_numpy(self.mean).to(device)
        squares = (deviations @ torch.from_numpy(self.precision).to(device).double()) * deviations
        return Prediction(squares.sum(1).clamp(min=0).sqrt())

    def training_embeddings(self, experience: TrainExperience, category: str) -> Tensor:
        """Embeddings (n, D) of the training images of a category."""
        return train_embeddings(experience, category)

    def test_embeddings(self, batch: TestBatch) -> Tensor:
        """Embeddings (B, D) of test images."""
        return image_embeddings(batch.patches)

    def memory(self) -> MemoryReport:
        scoring = self.mean.nbytes + self.precision.nbytes
        past = sum(one.mean.nbytes + one.covariance.nbytes for one in self.distributions)
        return MemoryReport(0, 0, scoring, scoring + past)

    def state_dict(self) -> State:
        return {
            "distributions": [
                {"count": one.count, "mean": one.mean, "covariance": one.covariance}
                for one in self.distributions
            ],
            "mean": self.mean,
            "precision": self.precision,
        }

    def load_state_dict(self, state: State) -> None:
        self.distributions = [Distribution(**packed) for packed in state["distributions"]]
        self.mean, self.precision = state["mean"], state["precision"]

    def _sample(self, index: int, distribution: Distribution) -> np.ndarray:
        """Sample embeddings (n, D) from a stored Gaussian, different ones at each experience."""
        rng = self.context.rng("dne draws", f"{index} after {len(self.distributions)}")
        return rng.multivariate_normal(
            distribution.mean.astype(np.float64),
            distribution.covariance.astype(np.float64),
            size=distribution.count,
            check_valid="ignore",
            method="eigh",
        )


def normalize_rows(embeddings: np.ndarray) -> np.ndarray:
    """Scale the rows of (n, D) to length 1; a row of zeros stays zero."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    scaled: np.ndarray = embeddings / np.maximum(lengths, 1e-12)
    return scaled


def fit_distribution(embeddings: np.ndarray) -> Distribution:
    """Fit a Gaussian to embeddings (n, D)."""
    from sklearn.covariance import ledoit_wolf

    covariance, _ = ledoit_wolf(embeddings)
    mean = embeddings.mean(0)
    return Distribution(len(embeddings), mean.astype(np.float32), covariance.astype(np.float32))


def merge_moments(distributions: list[Distribution]) -> Distribution:
    """Mean and covariance of the mixture of Gaussians, weighted by their counts."""
    counts = np.array([one.count for one in distributions], float)
    shares = counts / counts.sum()
    means = np.stack([one.mean for one in distributions]).astype(np.float64)
    mean = shares @ means
    deviations = means - mean
    within = sum(
        share * one.covariance.astype(np.float64)
        for share, one in zip(shares, distributions, strict=True)
    )
    covariance = within + (deviations * shares[:, None]).T @ deviations
    return Distribution(int(counts.sum()), mean.astype(np.float32), covariance.astype(np.float32))


def precision(covariance: np.ndarray) -> np.ndarray:
    """The (pseudo-)inverse of a covariance (D, D), float32."""
    from scipy.linalg import pinvh

    inverse: np.ndarray = pinvh(covariance.astype(np.float64)).astype(np.float32)
    return inverse
