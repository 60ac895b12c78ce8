"""Joint training, a reference: one bank selected from all categories seen so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.method import State
from ...benchmark.interface.params import param
from ...benchmark.interface.prediction import MemoryReport
from ..bank_scoring import ScoringParams
from .memory_bank import SingleBank, bank_memory, pack_blocks, take_rows, unpack_blocks


@dataclass(frozen=True)
class JointParams(ScoringParams):
    """Budgets in patch embeddings."""

    bank_budget: int = param(2400, "vectors in the bank", low=1)
    candidates: int = param(1200, "greedy picks per category that the bank is selected from", low=1)
    exact: bool = param(False, "select from all patches instead (slow; stores them all)")


class Joint(SingleBank[JointParams]):
    """Reference: one bank, selected after each experience from all categories seen so far.

    The candidates that it selects from count as stored memory.
    """

    Params = JointParams

    def __init__(self, params: JointParams, context: MethodContext) -> None:
        super().__init__(params, context)
        self.pool: list[Block] = []
        self.picks = np.empty(0, np.int64)

    @classmethod
    def with_memory(cls, params: JointParams, vectors: int, categories: int) -> JointParams:
        return params.replace(bank_budget=vectors)

    def observe(self, experience: TrainExperience) -> None:
        super().observe(experience)
        self.picks = self.context.coresets.reduce(self.pool, self.params.bank_budget)
        self.bank = take_rows(self.pool, self.picks)

    def add(self, experience: TrainExperience, category: str) -> None:
        if self.params.exact:
            new = self.context.coresets.everything(experience, category)
        else:
            new = self.context.coresets.select(experience, category, self.params.candidates)
        self.pool.append(new)

    def memory(self) -> MemoryReport:
        return bank_memory(self.bank, self.pool)

    def state_dict(self) -> State:
        return {"pool": pack_blocks(self.pool), "picks": self.picks}

    def load_state_dict(self, state: State) -> None:
        self.pool = unpack_blocks(state["pool"], self.context)
        self.picks = state["picks"]
        self.bank = take_rows(self.pool, self.picks)
