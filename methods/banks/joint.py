"""Joint training, a reference: one bank of the coresets of all categories seen so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.method import CellFacts, State
from ...benchmark.interface.params import param, specs
from ...benchmark.interface.prediction import MemoryReport
from ...results.errors import UsageError
from ..bank_scoring import ScoringParams
from .memory_bank import SingleBank, bank_memory, pack_blocks, take_rows, unpack_blocks

Share: TypeAlias = Literal["equal", "greedy"]

_CLASS_BUDGET = 400
_ONLY_GREEDY = ("bank_budget", "candidates", "exact")


@dataclass(frozen=True)
class JointParams(ScoringParams):
    """Budgets in patch embeddings.

    Those that only `greedy` uses are not part of the key at their defaults.
    """

    share: Share = param(
        "equal", "how the bank is divided: class_budget per category, or by one greedy selection"
    )
    class_budget: int | None = param(
        None, f"for share=equal, vectors per category (auto: {_CLASS_BUDGET})", low=1
    )
    bank_budget: int = param(2400, "for share=greedy, vectors in the bank", low=1, later=True)
    candidates: int = param(
        1200,
        "for share=greedy, greedy picks per category that the bank is selected from",
        low=1,
        later=True,
    )
    exact: bool = param(
        False,
        "for share=greedy, select from all patches instead (slow; stores them all)",
        later=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        other = "greedy" if self.share == "equal" else "equal"
        unused = {"equal": _ONLY_GREEDY, "greedy": ("class_budget",)}[self.share]
        for spec in specs(type(self)):
            if spec.name in unused and getattr(self, spec.name) != spec.default:
                raise UsageError(
                    f"joint.{spec.name} has no effect with share={self.share}; "
                    f"add --set joint.share={other}, or leave it out"
                )


class Joint(SingleBank[JointParams]):
    """Reference: one bank of all categories seen so far, as if they were learned at once.

    `share=equal` has for every category the coreset that a detector of this category alone would
    have. `share=greedy` selects one coreset from all categories, which gives more vectors to
    categories that vary more; the candidates that it selects from count as stored memory.
    """

    Params = JointParams
    version = "2"

    def __init__(self, params: JointParams, context: MethodContext) -> None:
        super().__init__(params, context)
        self.pool: list[Block] = []
        self.picks = np.empty(0, np.int64)

    @classmethod
    def resolve(cls, params: JointParams, facts: CellFacts) -> JointParams:
        if params.share == "equal" and params.class_budget is None:
            return params.replace(class_budget=_CLASS_BUDGET)
        return params

    @classmethod
    def with_memory(cls, params: JointParams, vectors: int, categories: int) -> JointParams:
        if params.share == "greedy":
            return params.replace(bank_budget=vectors)
        return params.replace(class_budget=max(1, vectors // categories))

    def observe(self, experience: TrainExperience) -> None:
        super().observe(experience)
        self.bank = self.pool
        if self.params.share == "greedy":
            self.picks = self.context.coresets.reduce(self.pool, self.params.bank_budget)
            self.bank = take_rows(self.pool, self.picks)

    def add(self, experience: TrainExperience, category: str) -> None:
        coresets, params = self.context.coresets, self.params
        if params.exact:
            new = coresets.everything(experience, category)
        else:
            equal = params.share == "equal"
            size = params.class_budget or _CLASS_BUDGET if equal else params.candidates
            new = coresets.select(experience, category, size)
        self.pool.append(new)

    def memory(self) -> MemoryReport:
        return bank_memory(self.params, self.bank, self.pool)

    def state_dict(self) -> State:
        return {"pool": pack_blocks(self.pool), "picks": self.picks}

    def load_state_dict(self, state: State) -> None:
        self.pool = unpack_blocks(state["pool"], self.context)
        self.picks = state["picks"]
        self.bank = self.pool
        if self.params.share == "greedy":
            self.bank = take_rows(self.pool, self.picks)
