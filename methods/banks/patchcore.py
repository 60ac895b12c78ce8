"""PatchCore with one bank: every new category's coreset is merged in and the bank cut to size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.params import Params, param
from .memory_bank import SingleBank, taken


@dataclass(frozen=True)
class PatchCoreParams(Params):
    """Budgets in patch embeddings."""

    bank_budget: int = param(2400, "vectors in the bank", low=1)
    class_budget: int = param(400, "vectors of a new category's coreset before the merge", low=1)


class PatchCore(SingleBank):
    """Single-expert PatchCore: merge each new coreset into one bank, select again to the budget.

    Source: Roth et al., "Towards Total Recall in Industrial Anomaly Detection" (CVPR 2022), whose
    image score is used without its reweighting; the merging is the usual sequential baseline.
    """

    Params = PatchCoreParams

    @classmethod
    def with_memory(cls, params: Any, vectors: int, categories: int) -> Any:
        return params.replace(bank_budget=vectors)

    def add(self, experience: TrainExperience, category: str) -> None:
        coresets = self.context.coresets
        new = coresets.select(experience, category, self.params.class_budget)
        merged = [*self.bank, new]
        self.bank = taken(merged, coresets.reduce(merged, self.params.bank_budget))
