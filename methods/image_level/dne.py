"""DNE: of every experience a Gaussian of its normal image embeddings, and one over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import MemoryReport, Prediction
from .image_embedding import mean_patches, train_embeddings


@dataclass(frozen=True)
class DneParams(Params):
    """How the Gaussian over all experiences is made; the source has no other setting for it."""

    pooling: Literal["sampled", "moments"] = param(
        "sampled",
        "past embeddings: drawn from their Gaussians (the source), or their moments added up",
    )


@dataclass(frozen=True, eq=False)
class Distribution:
    """Of count embeddings: mean (D,) and Ledoit-Wolf covariance (D, D), float32 on the CPU."""

    count: int
    mean: np.ndarray
    covariance: np.ndarray


class Dne(Method):
    """DNE's head on frozen features: a remembered Gaussian an experience, one Gaussian to score.

    Source: Li et al., "Towards Continual Adaptation in Industrial Anomaly Detection" (ACM MM 2022),
    which calls it the distribution of normal embeddings. What is here is its memory and its
    detector. Not here is its training: the source fine-tunes a ViT-B/16 at each experience, with
    the head fixed after the first, to tell normal images from CutPaste-like ones, and takes the
    class token as the embedding. Here the embedding is the mean patch of the frozen backbone, so
    that distributions of the past stay true, and nothing of the network can be forgotten.

    As in the authors' code, embeddings have length 1, covariances are Ledoit-Wolf's, and for every
    earlier experience as many embeddings as it had images are drawn from its Gaussian, scaled to
    length 1 and fitted together with the new ones. The score is the Mahalanobis distance of the
    image's embedding; there are no maps. All categories share the last Gaussian: no routing.

    Memory: no vectors but bytes: of each experience's mean and covariance, and of the mean and the
    inverse covariance that score.
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

        embeddings = torch.cat([train_embeddings(experience, c) for c in experience.categories])
        new = unit(embeddings.double().cpu().numpy())
        known = [*self.distributions, fitted(new)]
        if self.params.pooling == "moments":
            pooled = pooled_moments(known)
        else:
            past = [self._drawn(number, one) for number, one in enumerate(self.distributions)]
            pooled = fitted(unit(np.concatenate([*past, new])))
        self.distributions = known
        self.mean, self.precision = pooled.mean, precision(pooled.covariance)

    def score(self, batch: TestBatch) -> Prediction:
        import torch

        device = self.context.device
        embeddings = torch.nn.functional.normalize(mean_patches(batch.patches).double(), dim=1)
        deviations = embeddings - torch.from_numpy(self.mean).to(device)
        squares = (deviations @ torch.from_numpy(self.precision).to(device).double()) * deviations
        return Prediction(squares.sum(1).clamp(min=0).sqrt())

    def memory(self) -> MemoryReport:
        scoring = self.mean.nbytes + self.precision.nbytes
        kept = sum(known.mean.nbytes + known.covariance.nbytes for known in self.distributions)
        return MemoryReport(0, 0, scoring, scoring + kept)

    def state_dict(self) -> State:
        return {
            "distributions": [
                {"count": known.count, "mean": known.mean, "covariance": known.covariance}
                for known in self.distributions
            ],
            "mean": self.mean,
            "precision": self.precision,
        }

    def load_state_dict(self, state: State) -> None:
        self.distributions = [Distribution(**known) for known in state["distributions"]]
        self.mean, self.precision = state["mean"], state["precision"]

    def _drawn(self, number: int, known: Distribution) -> np.ndarray:
        """(n, D) embeddings from a remembered Gaussian, drawn anew at each experience."""
        rng = self.context.rng("dne draws", f"{number} after {len(self.distributions)}")
        return rng.multivariate_normal(
            known.mean.astype(np.float64),
            known.covariance.astype(np.float64),
            size=known.count,
            check_valid="ignore",
            method="eigh",
        )


def unit(embeddings: np.ndarray) -> np.ndarray:
    """Rows (n, D) scaled to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    scaled: np.ndarray = embeddings / np.maximum(lengths, 1e-12)
    return scaled


def fitted(embeddings: np.ndarray) -> Distribution:
    """Mean and Ledoit-Wolf covariance of rows (n, D)."""
    from sklearn.covariance import ledoit_wolf

    covariance, _ = ledoit_wolf(embeddings)
    mean = embeddings.mean(0)
    return Distribution(len(embeddings), mean.astype(np.float32), covariance.astype(np.float32))


def pooled_moments(distributions: list[Distribution]) -> Distribution:
    """Mean and covariance of the mixture in which each distribution weighs its count."""
    counts = np.array([known.count for known in distributions], float)
    shares = counts / counts.sum()
    means = np.stack([known.mean for known in distributions]).astype(np.float64)
    mean = shares @ means
    apart = means - mean
    within = sum(
        share * known.covariance.astype(np.float64)
        for share, known in zip(shares, distributions, strict=True)
    )
    covariance = within + (apart * shares[:, None]).T @ apart
    return Distribution(int(counts.sum()), mean.astype(np.float32), covariance.astype(np.float32))


def precision(covariance: np.ndarray) -> np.ndarray:
    """(D, D) float32: the (pseudo-)inverse."""
    from scipy.linalg import pinvh

    inverse: np.ndarray = pinvh(covariance.astype(np.float64)).astype(np.float32)
    return inverse
