"""GCR: one bank per category, mixture energies, and routing by squared distances."""

from __future__ import annotations

from dataclasses import dataclass

from ...benchmark.interface.params import with_default
from ..bank_scoring import ImageScore, PatchScore
from .per_category import PerCategory, PerCategoryParams


@dataclass(frozen=True)
class GcrParams(PerCategoryParams):
    """The parameters of `per_category` with GCR's defaults."""

    class_budget: int = with_default(PerCategoryParams, "class_budget", 196)
    router: str = with_default(PerCategoryParams, "router", "nearest_squares")
    patch_score: PatchScore = with_default(PerCategoryParams, "patch_score", "lse")
    lse_neighbors: int = with_default(PerCategoryParams, "lse_neighbors", 16)
    image_score: ImageScore = with_default(PerCategoryParams, "image_score", "top")
    top_share: float = with_default(PerCategoryParams, "top_share", 0.01)


class Gcr(PerCategory[GcrParams]):
    """GCR: `per_category` with 196 vectors each, log-sum-exp scores, routing by squared distances.

    Source: github.com/jw-chae/GCR. Its features are those of block 6 of a CLIP ViT-B/16; here they
    are those of the run. The greedy selection starts with the patch nearest the mean, there with a
    random one. `routing.nearest_squares` and `bank_scoring` name the other differences.
    """

    Params = GcrParams
