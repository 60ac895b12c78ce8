"""The similarity threshold of each kind of features, and how it is calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ..results.errors import UsageError
from .assignment import cosine

QUANTILE = 0.75

THRESHOLDS: dict[tuple[str, str], float] = {
    ("wide_resnet50_2", "official"): 0.9,  # the paper's
    ("tf_efficientnet_lite0", "concat"): 0.6063,  # calibrated on the synthetic set
}


def automatic_threshold(backbone: str, embedding: str) -> float:
    """The shipped constant for these features; never computed from the user's categories."""
    try:
        return THRESHOLDS[backbone, embedding]
    except KeyError:
        raise UsageError(
            f"mecad.threshold=auto is not calibrated for {backbone} with {embedding}; give one, "
            "such as --set mecad.threshold=0.8 (`python -m mecad.calibrate` computes it)"
        ) from None


def calibrated_threshold(centroids: Sequence[np.ndarray]) -> float:
    """The 0.75 quantile of the pairwise cosines of category centroids, each (D,)."""
    cosines = [cosine(a, b) for a, b in combinations(centroids, 2)]
    return float(np.quantile(cosines, QUANTILE))
