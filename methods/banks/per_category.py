"""One bank per category: perfect assignment without sharing."""

from __future__ import annotations

from dataclasses import dataclass

from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.memory_block import Block
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.params import param
from ...benchmark.interface.prediction import ExpertMemory, MemoryReport, Prediction
from ..bank_scoring import ScoringParams
from ..routing.registry import ROUTERS
from ..routing.scoring import score_with_banks
from .memory_bank import pack_blocks, reselect, unpack_blocks


@dataclass(frozen=True)
class PerCategoryParams(ScoringParams):
    """Budget in patch embeddings."""

    class_budget: int = param(400, "vectors in the bank of each category", low=1)
    router: str = param(
        "nearest_mean", "how the bank of an image is chosen without the oracle", choices=ROUTERS
    )


class PerCategory(Method[PerCategoryParams]):
    """One bank per category: no forgetting under oracle routing, but memory grows.

    A category that returns keeps its bank, which is selected again from the bank and the new
    coreset. So the bank does not grow, but it forgets.
    """

    Params = PerCategoryParams
    recurring = True

    def __init__(self, params: PerCategoryParams, context: MethodContext) -> None:
        super().__init__(params, context)
        self.router = ROUTERS[params.router](context)
        self.categories: list[str] = []
        self.banks: list[Block] = []

    @classmethod
    def with_memory(
        cls, params: PerCategoryParams, vectors: int, categories: int
    ) -> PerCategoryParams:
        return params.replace(class_budget=max(1, vectors // categories))

    def observe(self, experience: TrainExperience) -> frozenset[str]:
        budget = self.params.class_budget
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
        return frozenset(experience.categories)

    def score(self, batch: TestBatch) -> Prediction:
        known = batch.category in self.categories
        owner = self.categories.index(str(batch.category)) if known else None
        banks = {expert: [bank] for expert, bank in enumerate(self.banks)}
        return score_with_banks(batch, banks, owner, self.router, self.params)

    def memory(self) -> MemoryReport:
        experts = []
        for expert, (category, bank) in enumerate(zip(self.categories, self.banks, strict=True)):
            nbytes = bank.nbytes + self.router.nbytes(expert)
            experts.append(
                ExpertMemory(
                    expert=expert,
                    categories=(category,),
                    scoring_vectors=len(bank),
                    stored_vectors=len(bank),
                    scoring_bytes=nbytes,
                    stored_bytes=nbytes,
                    utilization=len(bank) / self.params.class_budget,
                )
            )
        vectors = sum(expert.stored_vectors for expert in experts)
        nbytes = sum(expert.stored_bytes for expert in experts)
        return MemoryReport(vectors, vectors, nbytes, nbytes, tuple(experts))

    def state_dict(self) -> State:
        return {
            "categories": list(self.categories),
            "banks": pack_blocks(self.banks),
            "router": self.router.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        self.categories = list(state["categories"])
        self.banks = unpack_blocks(state["banks"], self.context)
        self.router.load_state_dict(state["router"])
