"""One bank for each category: what perfect assignment without any sharing would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...benchmark.interface.block import Block
from ...benchmark.interface.context import MethodContext
from ...benchmark.interface.experience import TestBatch, TrainExperience
from ...benchmark.interface.method import Method, State
from ...benchmark.interface.params import Params, param
from ...benchmark.interface.prediction import ExpertMemory, MemoryReport, Prediction
from ..routing.expert_gate import Gate, pack_gate, train_gate, unpack_gate
from ..routing.routing import Router, routed
from .memory_bank import bank_memory, pack_blocks, selected_again, unpack_blocks


@dataclass(frozen=True)
class PerCategoryParams(Params):
    """Budget in patch embeddings."""

    class_budget: int = param(400, "vectors in each category's bank", low=1)
    router: Router = param("nearest_mean", "how an image finds its bank under inferred routing")


class PerCategory(Method):
    """A bank for each category: no forgetting under oracle routing, but memory grows.

    A category that returns keeps its bank, selected again from itself and the new coreset, which
    then forgets: the bank does not grow.
    """

    Params = PerCategoryParams
    recurring = True

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.categories: list[str] = []
        self.banks: list[Block] = []
        self.gates: list[Gate] = []

    @classmethod
    def with_memory(cls, params: Any, vectors: int, categories: int) -> Any:
        return params.replace(class_budget=max(1, vectors // categories))

    def observe(self, experience: TrainExperience) -> frozenset[str]:
        budget = self.params.class_budget
        for category in experience.categories:
            new = self.context.coresets.select(experience, category, budget)
            returns = category in self.categories
            gated = self.params.router == "expert_gate"
            if returns:
                expert = self.categories.index(category)
                if gated:
                    kept = [self.banks[expert]]
                    self.gates[expert] = train_gate(self.context, experience, category, kept)
                self.banks[expert] = selected_again(self.context, [self.banks[expert], new], budget)
            else:
                expert = len(self.banks)
                self.categories.append(category)
                self.banks.append(new)
                if gated:
                    self.gates.append(train_gate(self.context, experience, category, ()))
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
        memories = {expert: [bank] for expert, bank in enumerate(self.banks)}
        gates = dict(enumerate(self.gates))
        return routed(self.context, batch, memories, owner, self.params.router, gates)

    def memory(self) -> MemoryReport:
        total = bank_memory(self.banks, self.banks)
        gate_bytes = [gate.nbytes for gate in self.gates] or [0] * len(self.banks)
        experts = tuple(
            ExpertMemory(
                expert=expert,
                categories=(category,),
                scoring_vectors=len(bank),
                stored_vectors=len(bank),
                scoring_bytes=bank.nbytes + gate_bytes[expert],
                stored_bytes=bank.nbytes + gate_bytes[expert],
                utilization=len(bank) / self.params.class_budget,
            )
            for expert, (category, bank) in enumerate(zip(self.categories, self.banks, strict=True))
        )
        return MemoryReport(
            total.scoring_vectors,
            total.stored_vectors,
            total.scoring_bytes + sum(gate_bytes),
            total.stored_bytes + sum(gate_bytes),
            experts,
        )

    def state_dict(self) -> State:
        state: State = {"categories": list(self.categories), "banks": pack_blocks(self.banks)}
        if self.gates:
            state["gates"] = [pack_gate(gate) for gate in self.gates]
        return state

    def load_state_dict(self, state: State) -> None:
        self.categories = list(state["categories"])
        self.banks = unpack_blocks(state["banks"], self.context)
        self.gates = [unpack_gate(gate, self.context) for gate in state.get("gates", ())]
