"""MECAD: several PatchCore experts, assigned by feature similarity, with replay inside each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..benchmark.interface.block import Block
from ..benchmark.interface.context import MethodContext
from ..benchmark.interface.experience import TestBatch, TrainExperience
from ..benchmark.interface.method import CellFacts, Method, State
from ..benchmark.interface.params import Params, param
from ..benchmark.interface.prediction import ExpertMemory, MemoryReport, Prediction
from ..benchmark.interface.services import Selector, Start
from ..methods.banks.memory_bank import pack_blocks, selected_again, unpack_blocks
from ..methods.routing.expert_gate import Gate, pack_gate, train_gate, unpack_gate
from ..methods.routing.routing import Router, routed
from ..results.errors import UsageError
from .assignment import OWNED, Assignment, Rule, assign, drawn, given, round_robin, similarities_to
from .grouping import EXAMPLE, check_groups, parse_groups
from .memory import Budgets, Replay, replayed, stored_rows
from .threshold import THRESHOLDS, automatic_threshold


@dataclass(frozen=True)
class MecadParams(Params):
    """The paper's configuration, except where a value is left on `auto`."""

    experts: int = param(5, "number of experts", low=1)
    threshold: float | None = param(
        None, "similarity above which a used expert takes a category", low=-1, high=1
    )
    class_budget: int = param(400, "vectors of a category's coreset", low=1)
    expert_budget: int = param(2400, "vectors in an expert's buffer", low=1)
    categories_per_expert: int | None = param(
        None, "categories an expert has room for (auto: expert_budget // class_budget)", low=1
    )
    replay: Replay = param("random", "what of older categories stays in the memory that scores")
    replay_ratio: float = param(
        0.2, "share of an older category's buffer that is replayed", above=0, high=1
    )
    replay_redraw: bool = param(False, "draw the replayed vectors anew at each update")
    selector: Selector = param("greedy", "how a category's coreset is selected")
    coreset_start: Start = param("mean", "first pick: the patch nearest the mean, or a random one")
    router: Router = param("nearest_mean", "how an image finds its expert under inferred routing")
    assignment: Rule = param(
        "similarity", "how a category finds its expert; only similarity asks threshold", later=True
    )
    groups: str = param(
        "", "for assignment=given, an expert a group: bottle+cable/screw+wood", later=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.assignment == "given" and not self.groups:
            raise UsageError(f"mecad.assignment=given needs the groups: --set {EXAMPLE}")
        if self.groups:
            parse_groups(self.groups)


@dataclass(eq=False)
class Member:
    """One category in an expert: what is left of its coreset S_c, how much of it is buffered, the
    rows that score."""

    category: str
    coreset: Block
    buffer: int
    rows: np.ndarray
    scoring: Block


@dataclass(eq=False)
class Expert:
    """A PatchCore of its own: the categories it owns, oldest first."""

    members: list[Member] = field(default_factory=list)
    updates: int = 0
    gate: Gate | None = None
    mean: np.ndarray | None = None
    """(D,) mean of the memory, kept until the next update."""

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(member.category for member in self.members)

    @property
    def memory(self) -> list[Block]:
        """M_e: the newest category's whole coreset, and what is replayed of the others."""
        return [member.scoring for member in self.members]


class Mecad(Method):
    """Multi-expert PatchCore: experts by feature similarity, two-level memory, random replay.

    Source: Dahmardeh et al., "MECAD: A multi-expert architecture for continual anomaly detection",
    arXiv:2512.15323. Where the paper leaves a choice open, ours is a parameter. The paper has no
    category that returns: it stays with the expert that owns it, as its newest category, and its
    coreset is selected again from what is left of the old one and the new one.

    `assignment` other than `similarity` is an ablation: experts drawn at random among those with
    room, in turn, or given (the grouping is told in advance, one expert a group).
    """

    Params = MecadParams
    recurring = True

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.groups = parse_groups(params.groups) if params.assignment == "given" else ()
        self.budgets = Budgets(params.class_budget, params.expert_budget, params.replay_ratio)
        self.experts: dict[int, Expert] = {}
        self.owners: dict[str, int] = {}

    @classmethod
    def resolve(cls, params: Any, facts: CellFacts) -> Any:
        if params.assignment == "given":
            groups = parse_groups(params.groups)
            if facts.names:
                check_groups(groups, facts.names)
            params = params.replace(experts=len(groups))
        elif params.groups:  # so that a sweep over assignments may name them once
            params = params.replace(groups="")
        if params.threshold is None:
            threshold = THRESHOLDS.get((facts.backbone, facts.embedding))
            if threshold is None and params.assignment == "similarity":
                threshold = automatic_threshold(facts.backbone, facts.embedding)
            params = params.replace(threshold=threshold)
        if params.categories_per_expert is None:
            room = params.expert_budget // params.class_budget
            if room < 1:
                raise UsageError(
                    f"mecad.expert_budget={params.expert_budget} is below "
                    f"class_budget={params.class_budget}: no expert has room for one category; "
                    "raise it, or set categories_per_expert"
                )
            params = params.replace(categories_per_expert=room)
        return params

    @classmethod
    def sharing_rank(cls, params: Any) -> int:
        # The more experts, the smaller the memory of each.
        return int(params.experts)

    def observe(self, experience: TrainExperience) -> frozenset[str]:
        changed: set[str] = set()
        for category in experience.categories:
            assignment = self._assign(experience, category)
            if category in self.owners:
                assignment = replace(assignment, expert=self.owners[category], reason=OWNED)
            self._record(category, assignment)
            expert = self.experts.setdefault(assignment.expert, Expert())
            self._update(expert, experience, category)
            self.owners[category] = assignment.expert
            changed.update(expert.categories)
        return frozenset(changed)

    def score(self, batch: TestBatch) -> Prediction:
        owner = self.owners.get(batch.category) if batch.category else None
        candidates = self.experts if owner is None else {owner: self.experts[owner]}
        memories = {index: expert.memory for index, expert in candidates.items()}
        gates = {index: expert.gate for index, expert in candidates.items() if expert.gate}
        return routed(self.context, batch, memories, owner, self.params.router, gates)

    def memory(self) -> MemoryReport:
        experts = tuple(self._expert_memory(i, e) for i, e in sorted(self.experts.items()))
        return MemoryReport(
            scoring_vectors=sum(expert.scoring_vectors for expert in experts),
            stored_vectors=sum(expert.stored_vectors for expert in experts),
            scoring_bytes=sum(expert.scoring_bytes for expert in experts),
            stored_bytes=sum(expert.stored_bytes for expert in experts),
            experts=experts,
        )

    def state_dict(self) -> State:
        return {
            str(index): {
                **({"gate": pack_gate(expert.gate)} if expert.gate else {}),
                "updates": expert.updates,
                "members": [
                    {
                        "category": member.category,
                        "coreset": pack_blocks([member.coreset]),
                        "buffer": member.buffer,
                        "rows": member.rows,
                    }
                    for member in expert.members
                ],
            }
            for index, expert in self.experts.items()
        }

    def load_state_dict(self, state: State) -> None:
        self.experts = {}
        for index, packed in state.items():
            members = []
            for entry in packed["members"]:
                (coreset,) = unpack_blocks(entry["coreset"], self.context)
                rows = entry["rows"]
                members.append(
                    Member(entry["category"], coreset, entry["buffer"], rows, _part(coreset, rows))
                )
            gate = unpack_gate(packed["gate"], self.context) if "gate" in packed else None
            self.experts[int(index)] = Expert(members, packed["updates"], gate)
        self.owners = {c: e for e, expert in self.experts.items() for c in expert.categories}

    def _assign(self, experience: TrainExperience, category: str) -> Assignment:
        centroid = self.context.coresets.centroid(experience, category)
        means = {index: self._mean(expert) for index, expert in self.experts.items()}
        loads = {index: len(expert.members) for index, expert in self.experts.items()}
        count, room = self.params.experts, self.params.categories_per_expert
        if self.params.assignment == "similarity":
            return assign(
                centroid,
                means,
                loads,
                experts=count,
                threshold=self.params.threshold,
                categories_per_expert=room,
            )
        known = similarities_to(centroid, means)
        if self.params.assignment == "random":
            rng = self.context.rng("assignment", category)
            return drawn(known, loads, rng, experts=count, categories_per_expert=room)
        if self.params.assignment == "round_robin":
            return round_robin(known, sum(loads.values()), experts=count)
        return given(known, category, self.groups)

    def _update(self, expert: Expert, experience: TrainExperience, category: str) -> None:
        """Give a category to an expert: older categories shrink to their replayed share."""
        coreset = self.context.coresets.select(
            experience,
            category,
            self.params.class_budget,
            selector=self.params.selector,
            start=self.params.coreset_start,
            seed=self.context.seed,
        )
        if returned := [member for member in expert.members if member.category == category]:
            expert.members.remove(returned[0])
            both = [returned[0].coreset, coreset]
            coreset = selected_again(self.context, both, self.params.class_budget)
        expert.updates += 1
        expert.mean = None
        count = len(expert.members) + 1
        older = expert.members.copy()
        for member in expert.members:
            member.buffer = self.budgets.buffer(len(member.coreset), count)
            whole = len(member.rows) == len(member.coreset)
            member.rows = replayed(
                self.params.replay,
                member.buffer,
                self._priorities(member, expert.updates),
                self.params.replay_ratio,
                None if whole else member.rows,
            )
            member.scoring = _part(member.coreset, member.rows)
            # What neither scores nor is buffered is forgotten; no later draw depends on it.
            member.coreset = _part(member.coreset, np.arange(member.buffer))
        buffer = self.budgets.buffer(len(coreset), count)
        expert.members.append(Member(category, coreset, buffer, np.arange(len(coreset)), coreset))
        if self.params.router == "expert_gate":
            memory = [member.coreset for member in older]
            expert.gate = train_gate(self.context, experience, category, memory)

    def _priorities(self, member: Member, update: int) -> np.ndarray:
        """(n,) random priorities of a coreset's rows, the same at every update unless redrawn."""
        name = member.category
        if self.params.replay_redraw:
            name = f"{name}\n{update}"
        return self.context.rng("replay", name).random(len(member.coreset))

    @staticmethod
    def _mean(expert: Expert) -> np.ndarray:
        """(D,) float64 mean over all vectors of an expert's memory."""
        if expert.mean is None:
            vectors = [block.vectors.double().sum(0).cpu().numpy() for block in expert.memory]
            expert.mean = np.sum(vectors, axis=0) / sum(len(block) for block in expert.memory)
        return expert.mean

    def _record(self, category: str, assignment: Assignment) -> None:
        threshold = self.params.threshold if self.params.assignment == "similarity" else None
        for expert in sorted({*assignment.similarities, assignment.expert}):
            self.context.record(
                "assignment",
                category=category,
                expert=expert,
                similarity=assignment.similarities.get(expert),
                chosen=expert == assignment.expert,
                reason=assignment.reason,
                threshold=threshold,
            )

    def _expert_memory(self, index: int, expert: Expert) -> ExpertMemory:
        scoring = sum(len(block) for block in expert.memory)
        buffers = {member.category: member.buffer for member in expert.members}
        stored = stored_rows({member.category: member.rows for member in expert.members}, buffers)
        gate = expert.gate.nbytes if expert.gate else 0
        vector_bytes = expert.members[0].coreset.nbytes // len(expert.members[0].coreset)
        return ExpertMemory(
            expert=index,
            categories=expert.categories,
            scoring_vectors=scoring,
            stored_vectors=stored,
            scoring_bytes=scoring * vector_bytes + gate,
            stored_bytes=stored * vector_bytes + gate,
            utilization=sum(buffers.values()) / self.params.expert_budget,
        )


def _part(coreset: Block, rows: np.ndarray) -> Block:
    return coreset if len(rows) == len(coreset) else coreset.take(rows)
