"""A fitted one-class SVM as plain tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class OneClassSvm:
    """A fitted one-class SVM with an RBF kernel.

    The score of x is offset - sum_i weights_i exp(-gamma |x - vectors_i|^2), that is,
    scikit-learn's negative decision function divided by the sum of the dual coefficients.

    Attributes:
        vectors: (S, D) float32 support vectors.
        weights: (S,) float64 dual coefficients, scaled to sum to 1.
        offset: see above.
        gamma: width of the kernel.
    """

    vectors: torch.Tensor
    weights: torch.Tensor
    offset: float
    gamma: float

    def scores(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Scores (B,) float64 of embeddings (B, D) float64; higher is more anomalous."""
        import torch

        distances = torch.cdist(
            embeddings, self.vectors.double(), compute_mode="donot_use_mm_for_euclid_dist"
        )
        return self.offset - (-self.gamma * distances.square()).exp() @ self.weights

    @property
    def nbytes(self) -> int:
        """Bytes of vectors and weights."""
        return int(self.vectors.nbytes + self.weights.nbytes)

    def to_state(self) -> dict[str, Any]:
        """Convert to plain values for the state of a method."""
        return {
            "vectors": self.vectors,
            "weights": self.weights,
            "offset": self.offset,
            "gamma": self.gamma,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], device: torch.device) -> OneClassSvm:
        """Restore what `to_state` returned, on a device."""
        return cls(
            state["vectors"].to(device),
            state["weights"].to(device),
            state["offset"],
            state["gamma"],
        )


def fit_one_class_svm(
    embeddings: np.ndarray, nu: float, gamma: Literal["scale", "auto"], device: torch.device
) -> OneClassSvm:
    """Fit a one-class SVM with scikit-learn.

    Args:
        embeddings: (n, D) float32.
        nu: upper bound of the share of embeddings outside.
        gamma: `scale`: 1 / (D * variance); `auto`: 1 / D.
        device: where the result is used.
    """
    import torch
    from sklearn.svm import OneClassSVM

    values = embeddings.astype(np.float64)
    variance = float(values.var()) if gamma == "scale" else 1.0
    width = 1 / (values.shape[1] * variance) if variance else 1.0
    svm = OneClassSVM(nu=nu, gamma=width)
    svm.random_state = 0  # None would use NumPy's global state, without effect on the solution
    svm.fit(values)
    dual = svm.dual_coef_[0]
    total = float(dual.sum())
    return OneClassSvm(
        torch.from_numpy(embeddings[svm.support_]).to(device),
        torch.from_numpy(dual / total).to(device),
        float(-svm.intercept_[0]) / total,
        width,
    )
