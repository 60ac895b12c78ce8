"""PatchCore with one bank: new coresets are merged into it and it is reduced to its budget."""

from __future__ import annotations

from dataclasses import dataclass

from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.params import param
from .compression import StorageParams
from .memory_bank import CompressedBank, take_rows


@dataclass(frozen=True)
class PatchCoreParams(StorageParams):
    """Budgets in patch embeddings."""

    bank_budget: int = param(2400, "vectors in the bank", low=1)
    class_budget: int = param(
        400, "vectors in the coreset of a new category, before the merge", low=1
    )


class PatchCore(CompressedBank[PatchCoreParams]):
    """Single-expert PatchCore: one bank, selected again from the bank and each new coreset.

    Source: Roth et al., "Towards Total Recall in Industrial Anomaly Detection" (CVPR 2022). Image
    scores are not reweighted. Merging coresets is the usual sequential baseline.
    """

    Params = PatchCoreParams

    @classmethod
    def with_memory(cls, params: PatchCoreParams, vectors: int, categories: int) -> PatchCoreParams:
        return params.replace(bank_budget=vectors)

    def add(self, experience: TrainExperience, category: str) -> None:
        coresets = self.context.coresets
        new = coresets.select(experience, category, self.params.class_budget)
        merged = [*self.bank, new]
        self.bank = take_rows(merged, coresets.reduce(merged, self.params.bank_budget))
