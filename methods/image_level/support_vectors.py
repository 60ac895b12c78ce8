"""A fitted one-class SVM as plain arrays: support vectors, weights, offset, kernel width."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class SupportVectors:
    """vectors (S, D) float32; weights (S,) float64, summing to 1; offset; gamma of the RBF kernel.

    The score of x is offset - sum_i weights_i exp(-gamma |x - vectors_i|^2): that is scikit-learn's
    negative decision function over the sum of its dual coefficients.
    """

    vectors: torch.Tensor
    weights: torch.Tensor
    offset: float
    gamma: float

    def scores(self, embeddings: torch.Tensor) -> torch.Tensor:
        """(B,) float64 scores of embeddings (B, D) float64, higher for more anomalous."""
        import torch

        distances = torch.cdist(
            embeddings, self.vectors.double(), compute_mode="donot_use_mm_for_euclid_dist"
        )
        return self.offset - (-self.gamma * distances.square()).exp() @ self.weights

    @property
    def nbytes(self) -> int:
        """Bytes of vectors and weights."""
        return int(self.vectors.nbytes + self.weights.nbytes)

    def packed(self) -> dict[str, Any]:
        """As part of a method's state."""
        return {
            "vectors": self.vectors,
            "weights": self.weights,
            "offset": self.offset,
            "gamma": self.gamma,
        }

    @classmethod
    def unpacked(cls, state: Mapping[str, Any], device: torch.device) -> SupportVectors:
        """What `packed` wrote."""
        return cls(
            state["vectors"].to(device),
            state["weights"].to(device),
            state["offset"],
            state["gamma"],
        )


def fitted(
    embeddings: np.ndarray, nu: float, gamma: Literal["scale", "auto"], device: torch.device
) -> SupportVectors:
    """The machine that scikit-learn fits to embeddings (n, D) float32."""
    import torch
    from sklearn.svm import OneClassSVM

    values = embeddings.astype(np.float64)
    spread = float(values.var()) if gamma == "scale" else 1.0
    width = 1 / (values.shape[1] * spread) if spread else 1.0
    machine = OneClassSVM(nu=nu, gamma=width)
    machine.random_state = 0  # None draws from NumPy's global state, to no effect on the solution
    machine.fit(values)
    dual = machine.dual_coef_[0]
    total = float(dual.sum())
    return SupportVectors(
        torch.from_numpy(embeddings[machine.support_]).to(device),
        torch.from_numpy(dual / total).to(device),
        float(-machine.intercept_[0]) / total,
        width,
    )
