"""PatchCoreCL: one bank per category within one budget."""

from __future__ import annotations

from dataclasses import dataclass

from ...benchmark.interface.params import with_default
from ..bank_scoring import ImageScore
from .per_category import PerCategory, PerCategoryParams


@dataclass(frozen=True)
class PatchCoreClParams(PerCategoryParams):
    """The parameters of `per_category` with the defaults of PatchCoreCL."""

    total_budget: int = with_default(PerCategoryParams, "total_budget", 30_000)
    image_score: ImageScore = with_default(PerCategoryParams, "image_score", "reweighted")
    reweight_neighbors: int = with_default(PerCategoryParams, "reweight_neighbors", 3)


class PatchCoreCl(PerCategory[PatchCoreClParams]):
    """PatchCoreCL: `per_category` within one budget, which all banks share; reweighted scores.

    Source: CLAD, github.com/projectclad769/clad. The budget is the paper's; the released
    configuration has 10,000. There, banks are reduced by greedy selection on a sparse random
    projection from a random start; here the selection is exact and starts with the patch nearest
    the mean.
    """

    Params = PatchCoreClParams
