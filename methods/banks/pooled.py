"""One bank of fixed size in which every category has an equal share."""

from __future__ import annotations

from dataclasses import dataclass

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.method import State
from ...benchmark.interface.params import param
from ...benchmark.interface.services import Selector
from ..bank_scoring import ScoringParams
from .category_samples import (
    Sample,
    blocks_of,
    pack_sample,
    select_share,
    trim_samples,
    unpack_sample,
)
from .memory_bank import SingleBank


@dataclass(frozen=True)
class PooledParams(ScoringParams):
    """Budget in patch embeddings."""

    bank_budget: int = param(2940, "vectors in the bank (UCAD: 15 categories of 196)", low=1)
    selector: Selector = param("greedy", "how the patches of a category are selected")


class Pooled(SingleBank[PooledParams]):
    """One bank of fixed size, divided equally among the categories seen so far.

    The n-th category enters with the first bank_budget / n patches of its coreset. As categories
    are added, it keeps only the first of these. Nothing else is stored. If the budget is not
    divisible, the earliest categories keep one patch more.

    Source: the fixed memory of UCAD (Liu et al., "Unsupervised continual anomaly detection with
    contrastively-learned prompt", AAAI 2024), without its prompts and its search for the category.
    The authors' code stores 196 vectors per category (`memory_size`), chosen by PatchCore's
    approximate greedy selection, in one bank per category. The baseline that the paper calls
    PatchCore* compresses all former memories into one pool (the author in jiaq-liu/UCAD#37; the
    code has no such baseline). How the pool is divided is not stated: equal shares, and 15 x 196 =
    2940 vectors for MVTec AD, are our reading. By default the selection here is exact.
    """

    Params = PooledParams

    def __init__(self, params: PooledParams, context: MethodContext) -> None:
        super().__init__(params, context)
        self.samples: list[Sample] = []

    @classmethod
    def with_memory(cls, params: PooledParams, vectors: int, categories: int) -> PooledParams:
        return params.replace(bank_budget=vectors)

    def add(self, experience: TrainExperience, category: str) -> None:
        budget = self.params.bank_budget
        new = select_share(
            self.context,
            experience,
            category,
            self.params.selector,
            budget=budget,
            earlier=len(self.samples),
        )
        self.samples = trim_samples([*self.samples, new], budget)
        self.bank = blocks_of(self.samples)

    def state_dict(self) -> State:
        return {"samples": [pack_sample(sample) for sample in self.samples]}

    def load_state_dict(self, state: State) -> None:
        self.samples = [unpack_sample(entry, self.context) for entry in state["samples"]]
        self.bank = blocks_of(self.samples)
