"""Similarity thresholds per backbone and embedding, and how they are calibrated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, permutations
from typing import Literal, TypeAlias

import numpy as np

from ..benchmark.features.backbones import STRIDES
from ..results.errors import UsageError
from .assignment import cosine
from .expert import CategoryCentroid, ExpertCentroid

QUANTILE = 0.75
"""The threshold is this quantile of the pairwise cosines."""

Compared: TypeAlias = Literal["patches", "mixed", "coresets"]
"""What eq. 1 compares: means of patches, one of these with a mean of a coreset, or coresets."""

_PAPER = 0.9

THRESHOLDS: Mapping[tuple[str, str], Mapping[Compared, float]] = {
    ("wide_resnet50_2", "official"): {"patches": _PAPER, "mixed": _PAPER, "coresets": _PAPER},
    # Calibrated on the synthetic set.
    ("tf_efficientnet_lite0", "concat"): {"patches": 0.6063, "mixed": 0.5276, "coresets": 0.5422},
    ("tf_efficientnet_lite1", "concat"): {"patches": 0.7106, "mixed": 0.6225, "coresets": 0.6441},
    ("tf_efficientnet_lite2", "concat"): {"patches": 0.7146, "mixed": 0.6434, "coresets": 0.6424},
}


def compared_means(centroid: CategoryCentroid, expert_centroid: ExpertCentroid) -> Compared:
    """Return what is compared. An expert with one category has its coreset as memory and buffer."""
    if centroid == "coreset":
        return "coresets"
    return "patches" if expert_centroid == "categories" else "mixed"


def automatic_threshold(
    backbone: str, embedding: str, compared: Compared, layers: tuple[int | str, ...] = STRIDES
) -> float:
    """Look up the threshold for features; it is never computed from the user's categories.

    Raises:
        UsageError: there is none for this backbone, embedding and layers.
    """
    if is_calibrated(backbone, embedding, layers):
        return THRESHOLDS[backbone, embedding][compared]
    at = "" if layers == STRIDES else f" of layers {', '.join(map(str, layers))}"
    raise UsageError(
        f"mecad.threshold=auto is not calibrated for {backbone} with {embedding}{at}; set it, "
        "such as --set mecad.threshold=0.8 (`python -m cadbench.mecad.calibrate` computes one)"
    )


def is_calibrated(backbone: str, embedding: str, layers: tuple[int | str, ...]) -> bool:
    """Return whether there are thresholds for these features."""
    return layers == STRIDES and (backbone, embedding) in THRESHOLDS


def calibrated_threshold(
    centroids: Sequence[np.ndarray], experts: Sequence[np.ndarray] | None = None
) -> float:
    """Compute the quantile of the cosines of categories with experts of one other category each.

    Args:
        centroids: (D,) per category.
        experts: (D,) per category, of the expert that owns it alone; None: as `centroids`.
    """
    if experts is None:
        cosines = [cosine(a, b) for a, b in combinations(centroids, 2)]
    else:
        pairs = permutations(range(len(centroids)), 2)
        cosines = [cosine(centroids[a], experts[b]) for a, b in pairs]
    return float(np.quantile(cosines, QUANTILE))
