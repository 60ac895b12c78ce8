"""MECAD: several PatchCore experts, assigned by feature similarity, with replay inside each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..benchmark.interface.context import MethodContext
from ..benchmark.interface.experience import TestBatch, TrainExperience
from ..benchmark.interface.method import CellFacts, Method, State
from ..benchmark.interface.params import param
from ..benchmark.interface.prediction import MemoryReport, Prediction
from ..benchmark.interface.services import Selector, Start
from ..methods.bank_scoring import ScoringParams
from ..methods.banks.memory_bank import pack_blocks, reselect, unpack_blocks
from ..methods.routing.registry import ROUTERS
from ..methods.routing.scoring import score_with_banks
from ..results.errors import UsageError
from .assignment import (
    OWNED,
    Assignment,
    Rule,
    assign_at_random,
    assign_by_group,
    assign_by_similarity,
    assign_in_turn,
    similarities_to,
)
from .expert import Expert, Member, select_rows
from .grouping import EXAMPLE, check_groups, parse_groups
from .memory import Budgets, Replay, select_replayed_rows
from .threshold import THRESHOLDS, automatic_threshold


@dataclass(frozen=True)
class MecadParams(ScoringParams):
    """The paper's configuration, except for parameters whose default is `auto`."""

    experts: int = param(5, "number of experts", low=1)
    threshold: float | None = param(
        None, "similarity that a used expert must exceed to be assigned a category", low=-1, high=1
    )
    class_budget: int = param(400, "vectors in the coreset of a category", low=1)
    expert_budget: int = param(2400, "vectors in the buffer of an expert", low=1)
    categories_per_expert: int | None = param(
        None, "categories per expert (auto: expert_budget // class_budget)", low=1
    )
    replay: Replay = param("random", "which vectors of older categories are used for scoring")
    replay_ratio: float = param(
        0.2, "share of an older category's buffer that is replayed", above=0, high=1
    )
    replay_redraw: bool = param(False, "sample the replayed vectors again at each update")
    selector: Selector = param("greedy", "how the coreset of a category is selected")
    coreset_start: Start = param("mean", "first pick: the patch nearest the mean, or a random one")
    router: str = param(
        "nearest_mean", "how the expert of an image is chosen without the oracle", choices=ROUTERS
    )
    assignment: Rule = param(
        "similarity",
        "how the expert of a category is chosen; threshold applies to similarity",
        later=True,
    )
    groups: str = param(
        "", "for assignment=given, one group per expert: bottle+cable/screw+wood", later=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.assignment == "given" and not self.groups:
            raise UsageError(f"mecad.assignment=given needs the groups: --set {EXAMPLE}")
        if self.groups:
            parse_groups(self.groups)


class Mecad(Method[MecadParams]):
    """Multi-expert PatchCore: experts by feature similarity, two-level memory, random replay.

    Source: Dahmardeh et al., "MECAD: A multi-expert architecture for continual anomaly detection",
    arXiv:2512.15323. Choices that the paper leaves open are parameters. In the paper no category
    returns. Here a category that returns stays with the expert that owns it and becomes its newest;
    its coreset is selected again from the stored part of the old one and the new one.

    `assignment` other than `similarity` is an ablation: a random expert with room, experts in turn,
    or one expert per given group.
    """

    Params = MecadParams
    recurring = True

    def __init__(self, params: MecadParams, context: MethodContext) -> None:
        super().__init__(params, context)
        self.groups = parse_groups(params.groups) if params.assignment == "given" else ()
        self.budgets = Budgets(params.class_budget, params.expert_budget, params.replay_ratio)
        self.router = ROUTERS[params.router](context)
        self.experts: dict[int, Expert] = {}
        self.owners: dict[str, int] = {}

    @classmethod
    def resolve(cls, params: MecadParams, facts: CellFacts) -> MecadParams:
        if params.assignment == "given":
            groups = parse_groups(params.groups)
            if facts.names:
                check_groups(groups, facts.names)
            params = params.replace(experts=len(groups))
        elif params.groups:  # allows a sweep over assignments to give the groups once
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
    def sharing_rank(cls, params: MecadParams) -> int:
        # The more experts, the smaller the memory of each.
        return params.experts

    def observe(self, experience: TrainExperience) -> frozenset[str]:
        changed: set[str] = set()
        for category in experience.categories:
            assignment = self._assign(experience, category)
            if category in self.owners:
                assignment = replace(assignment, expert=self.owners[category], reason=OWNED)
            self._record(category, assignment)
            self._update(assignment.expert, experience, category)
            self.owners[category] = assignment.expert
            changed.update(self.experts[assignment.expert].categories)
        return frozenset(changed)

    def score(self, batch: TestBatch) -> Prediction:
        owner = self.owners.get(batch.category) if batch.category else None
        banks = {index: expert.memory for index, expert in self.experts.items()}
        return score_with_banks(batch, banks, owner, self.router, self.params)

    def memory(self) -> MemoryReport:
        budget = self.params.expert_budget
        experts = tuple(
            expert.report(self.params, index, budget, self.router.nbytes(index))
            for index, expert in sorted(self.experts.items())
        )
        return MemoryReport(
            scoring_vectors=sum(expert.scoring_vectors for expert in experts),
            stored_vectors=sum(expert.stored_vectors for expert in experts),
            scoring_bytes=sum(expert.scoring_bytes for expert in experts),
            stored_bytes=sum(expert.stored_bytes for expert in experts),
            experts=experts,
        )

    def state_dict(self) -> State:
        experts = {
            str(index): {
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
        return {"experts": experts, "router": self.router.state_dict()}

    def load_state_dict(self, state: State) -> None:
        self.router.load_state_dict(state["router"])
        self.experts = {}
        for index, packed in state["experts"].items():
            members = []
            for entry in packed["members"]:
                (coreset,) = unpack_blocks(entry["coreset"], self.context)
                rows = entry["rows"]
                scoring = select_rows(coreset, rows)
                members.append(Member(entry["category"], coreset, entry["buffer"], rows, scoring))
            self.experts[int(index)] = Expert(members, packed["updates"])
        self.owners = {c: e for e, expert in self.experts.items() for c in expert.categories}

    def _assign(self, experience: TrainExperience, category: str) -> Assignment:
        """Choose the expert of a category by the rule `assignment`."""
        params = self.params
        count, room = params.experts, params.categories_per_expert
        assert room is not None, "`resolve` replaces auto"
        centroid = self.context.coresets.centroid(experience, category)
        means = {index: expert.mean() for index, expert in self.experts.items()}
        loads = {index: len(expert.members) for index, expert in self.experts.items()}
        if params.assignment == "similarity":
            assert params.threshold is not None, "`resolve` replaces auto"
            return assign_by_similarity(
                centroid,
                means,
                loads,
                experts=count,
                threshold=params.threshold,
                categories_per_expert=room,
            )
        similarities = similarities_to(centroid, means)
        if params.assignment == "random":
            rng = self.context.rng("assignment", category)
            return assign_at_random(
                similarities, loads, rng, experts=count, categories_per_expert=room
            )
        if params.assignment == "round_robin":
            return assign_in_turn(similarities, sum(loads.values()), experts=count)
        return assign_by_group(similarities, category, self.groups)

    def _update(self, index: int, experience: TrainExperience, category: str) -> None:
        """Add a category to an expert, whose older categories shrink to their replayed share."""
        expert = self.experts.setdefault(index, Expert())
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
            coreset = reselect(self.context, both, self.params.class_budget)
        expert.count_update()
        count = len(expert.members) + 1
        for member in expert.members:
            self._shrink(member, count, expert.updates)
        older = [member.coreset for member in expert.members]
        buffer = self.budgets.buffer(len(coreset), count)
        expert.members.append(Member(category, coreset, buffer, np.arange(len(coreset)), coreset))
        self.router.learn(index, experience, category, older)

    def _shrink(self, member: Member, count: int, update: int) -> None:
        """Reduce an older category to its buffer, now that the expert owns `count` categories."""
        member.buffer = self.budgets.buffer(len(member.coreset), count)
        all_score = len(member.rows) == len(member.coreset)
        member.rows = select_replayed_rows(
            self.params.replay,
            member.buffer,
            self._priorities(member, update),
            self.params.replay_ratio,
            None if all_score else member.rows,
        )
        member.scoring = select_rows(member.coreset, member.rows)
        # Vectors outside the buffer are dropped: no later update can choose them.
        member.coreset = select_rows(member.coreset, np.arange(member.buffer))

    def _priorities(self, member: Member, update: int) -> np.ndarray:
        """(n,) random priorities of the rows of a coreset: equal at every update, or redrawn."""
        name = member.category
        if self.params.replay_redraw:
            name = f"{name}\n{update}"
        return self.context.rng("replay", name).random(len(member.coreset))

    def _record(self, category: str, assignment: Assignment) -> None:
        """Record an assignment, with the similarity to every expert in use."""
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
