"""Naive fine-tuning: only the newest category is stored."""

from __future__ import annotations

from dataclasses import dataclass

from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.params import param
from .compression import StorageParams
from .memory_bank import CompressedBank


@dataclass(frozen=True)
class FineTuneParams(StorageParams):
    """Budget in patch embeddings."""

    bank_budget: int = param(400, "vectors in the bank", low=1)


class FineTune(CompressedBank[FineTuneParams]):
    """Lower bound: the bank holds only the coreset of the newest category."""

    Params = FineTuneParams

    @classmethod
    def with_memory(cls, params: FineTuneParams, vectors: int, categories: int) -> FineTuneParams:
        return params.replace(bank_budget=vectors)

    def add(self, experience: TrainExperience, category: str) -> None:
        self.bank = [self.context.coresets.select(experience, category, self.params.bank_budget)]
