"""A pooled bank of fixed size: every category holds an equal share, smaller as more come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TrainExperience
from ...benchmark.interface.method import State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.services import Selector
from .memory_bank import SingleBank
from .samples import Sample, blocks_of, kept, pack_sample, ranked, unpack_sample


@dataclass(frozen=True)
class PooledParams(Params):
    """Budget in patch embeddings."""

    bank_budget: int = param(2940, "vectors in the bank (UCAD: 196 for each of 15)", low=1)
    selector: Selector = param("greedy", "how a category's patches are selected")


class Pooled(SingleBank):
    """One bank of a fixed size, shared out equally among the categories seen so far.

    A category enters with the first bank_budget / n patches of its coreset, n counting itself, and
    keeps the beginning of them as n grows; nothing else is stored. What a division leaves over goes
    to the earliest categories.

    Source: the fixed memory of UCAD (Liu et al., "Unsupervised continual anomaly detection with
    contrastively-learned prompt", AAAI 2024) without its prompts and its queries for the category.
    Fact, from the code that its authors published: 196 vectors are kept of a category
    (`memory_size`), chosen by PatchCore's approximate greedy selection, each category in a bank of
    its own. Reading: the baseline is PatchCore with the 15 banks of MVTec AD pooled, 15 x 196 =
    2940 vectors; that code has no such baseline, and the paper could not be consulted for how the
    rows that it calls PatchCore divide their memory. The default selection is the exact one.
    """

    Params = PooledParams

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.samples: list[Sample] = []

    @classmethod
    def with_memory(cls, params: Any, vectors: int, categories: int) -> Any:
        return params.replace(bank_budget=vectors)

    def add(self, experience: TrainExperience, category: str) -> None:
        budget = self.params.bank_budget
        new = ranked(
            self.context,
            experience,
            category,
            self.params.selector,
            budget=budget,
            earlier=len(self.samples),
        )
        self.samples = kept([*self.samples, new], budget)
        self.bank = blocks_of(self.samples)

    def state_dict(self) -> State:
        return {"samples": [pack_sample(sample) for sample in self.samples]}

    def load_state_dict(self, state: State) -> None:
        self.samples = [unpack_sample(entry, self.context) for entry in state["samples"]]
        self.bank = blocks_of(self.samples)
