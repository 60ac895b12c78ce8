"""One bank per category: perfect assignment without sharing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, TypeVar

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.params import param
from ...benchmark.interface.prediction import ExpertMemory, MemoryReport, Prediction
from ..routing.registry import ROUTERS
from ..routing.scoring import score_with_banks
from .compression import StorageParams, compress, pack_bank, unpack_bank
from .memory_bank import count_bytes, reselect


@dataclass(frozen=True)
class PerCategoryParams(StorageParams):
    """Budget in patch embeddings."""

    class_budget: int = param(400, "vectors in the bank of each category", low=1)
    total_budget: int = param(
        0,
        "vectors in all banks together, in equal shares (0: each has class_budget)",
        low=0,
        later=True,
    )
    router: str = param(
        "nearest_mean", "how the bank of an image is chosen without the oracle", choices=ROUTERS
    )

    def bank_size(self, categories: int) -> int:
        """Vectors in the bank of each of `categories` categories."""
        if self.total_budget:
            return max(1, self.total_budget // categories)
        return self.class_budget

    def with_memory(self, vectors: int, categories: int) -> Self:
        """The parameters with which all banks together hold `vectors` vectors."""
        if self.total_budget:
            return self.replace(total_budget=vectors)
        return self.replace(class_budget=max(1, vectors // categories))


P = TypeVar("P", bound=PerCategoryParams)


class PerCategory(Method[P]):
    """One bank per category: no forgetting under oracle routing, but memory grows.

    With `total_budget` memory does not grow: after each experience with n categories seen, every
    bank is reduced to total_budget / n vectors. A bank is a greedy selection in order, so its first
    k vectors are what greedy k-center selects from it, if it starts with the same vector.

    A category that returns keeps its bank, which is selected again from the bank and the new
    coreset. So the bank does not grow, but it forgets.
    """

    Params = PerCategoryParams
    recurring = True

    def __init__(self, params: P, context: MethodContext) -> None:
        super().__init__(params, context)
        self.router = ROUTERS[params.router](context)
        self.categories: list[str] = []
        self.banks: list[Block] = []

    @classmethod
    def with_memory(cls, params: P, vectors: int, categories: int) -> P:
        return params.with_memory(vectors, categories)

    def observe(self, experience: TrainExperience) -> frozenset[str]:
        budget = self.params.bank_size(len({*self.categories, *experience.categories}))
        before = self.banks
        self.banks = [bank.first(budget) for bank in before]
        for category in experience.categories:
            coreset = self.context.coresets.select(experience, category, budget)
            returns = category in self.categories
            if returns:
                expert = self.categories.index(category)
                stored = [self.banks[expert]]
                self.banks[expert] = reselect(self.context, [*stored, coreset], budget)
            else:
                expert = len(self.banks)
                stored = []
                self.categories.append(category)
                self.banks.append(coreset)
            self.router.learn(expert, experience, category, stored)
            self.context.record(
                "assignment",
                category=category,
                expert=expert,
                similarity=None,
                chosen=True,
                reason="the bank it has" if returns else "a bank of its own",
                threshold=None,
            )
        self.banks = [
            bank if bank in before else compress(self.context, self.params, [bank])[0]
            for bank in self.banks
        ]
        return frozenset(self.categories if self.params.total_budget else experience.categories)

    def score(self, batch: TestBatch) -> Prediction:
        known = batch.category in self.categories
        owner = self.categories.index(str(batch.category)) if known else None
        return score_with_banks(batch, self.scoring_blocks(), owner, self.router, self.params)

    def scoring_blocks(self) -> dict[int, list[Block]]:
        return {expert: [bank] for expert, bank in enumerate(self.banks)}

    def memory(self) -> MemoryReport:
        experts = []
        for expert, (category, bank) in enumerate(zip(self.categories, self.banks, strict=True)):
            nbytes = count_bytes(self.params, [bank]) + self.router.nbytes(expert)
            experts.append(
                ExpertMemory(
                    expert=expert,
                    categories=(category,),
                    scoring_vectors=len(bank),
                    stored_vectors=len(bank),
                    scoring_bytes=nbytes,
                    stored_bytes=nbytes,
                    utilization=len(bank) / self.params.bank_size(len(self.banks)),
                )
            )
        vectors = sum(expert.stored_vectors for expert in experts)
        nbytes = sum(expert.stored_bytes for expert in experts)
        return MemoryReport(vectors, vectors, nbytes, nbytes, tuple(experts))

    def state_dict(self) -> State:
        return {
            "categories": list(self.categories),
            "banks": pack_bank(self.params, self.banks),
            "router": self.router.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        self.categories = list(state["categories"])
        self.banks = unpack_bank(self.params, state["banks"], self.context)
        self.router.load_state_dict(state["router"])
