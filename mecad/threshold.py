"""Similarity thresholds per backbone and embedding, and how they are calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ..results.errors import UsageError
from .assignment import cosine

QUANTILE = 0.75
"""The threshold is this quantile of the pairwise cosines."""

THRESHOLDS: dict[tuple[str, str], float] = {
    ("wide_resnet50_2", "official"): 0.9,  # from the paper
    ("tf_efficientnet_lite0", "concat"): 0.6063,  # calibrated on the synthetic set
}


def automatic_threshold(backbone: str, embedding: str) -> float:
    """Look up the threshold for features; it is never computed from the user's categories.

    Raises:
        UsageError: there is none for this backbone and embedding.
    """
    try:
        return THRESHOLDS[backbone, embedding]
    except KeyError:
        raise UsageError(
            f"mecad.threshold=auto is not calibrated for {backbone} with {embedding}; set it, "
            "such as --set mecad.threshold=0.8 (`python -m cadbench.mecad.calibrate` computes one)"
        ) from None


def calibrated_threshold(centroids: Sequence[np.ndarray]) -> float:
    """Compute the quantile of the pairwise cosines of category centroids, each (D,)."""
    cosines = [cosine(a, b) for a, b in combinations(centroids, 2)]
    return float(np.quantile(cosines, QUANTILE))
