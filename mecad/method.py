"""MECAD: several PatchCore experts, assigned by feature similarity, with replay inside each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..benchmark.interface.context import MethodContext
from ..benchmark.interface.experience import TestBatch, TrainExperience
from ..benchmark.interface.memory_block import Block
from ..benchmark.interface.method import CellFacts, Method, State
from ..benchmark.interface.prediction import MemoryReport, Prediction
from ..methods.banks.memory_bank import pack_blocks, reselect, unpack_blocks
from ..methods.routing.registry import ROUTERS
from ..methods.routing.scoring import score_with_banks
from .assignment import (
    OWNED,
    Assignment,
    assign_at_random,
    assign_by_group,
    assign_by_similarity,
    assign_in_turn,
    similarities_to,
)
from .expert import (
    Expert,
    Member,
    mean_vector,
    select_rows,
)
from .grouping import parse_groups
from .memory import Budgets, select_replayed_rows
from .params import MecadParams


class Mecad(Method[MecadParams]):
    """Multi-expert PatchCore: experts by feature similarity, two-level memory, random replay.

    Source: Dahmardeh et al., "MECAD: A multi-expert architecture for continual anomaly detection",
    arXiv:2512.15323. Choices that the paper leaves open are parameters; docs/mecad.md compares
    them. In the paper no category returns. Here a category that returns stays with the expert that
    owns it and becomes its newest; its coreset is selected again from the stored part of the old
    one and the new one.

    `assignment` other than `similarity` is an ablation: a random expert with room, experts in turn,
    or one expert per given group.
    """

    Params = MecadParams
    version = "2"
    recurring = True

    def __init__(self, params: MecadParams, context: MethodContext) -> None:
        super().__init__(params, context)
        self.groups = parse_groups(params.groups) if params.assignment == "given" else ()
        self.budgets = Budgets(
            params.class_budget, params.expert_budget, params.replay_ratio, params.replay_share
        )
        self.router = ROUTERS[params.router](context)
        self.experts: dict[int, Expert] = {}
        self.owners: dict[str, int] = {}

    @classmethod
    def resolve(cls, params: MecadParams, facts: CellFacts) -> MecadParams:
        return params.resolve(facts)

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

    def scoring_blocks(self) -> dict[int, list[Block]]:
        return {index: expert.memory for index, expert in self.experts.items()}

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
                        "centroid": member.centroid,
                        "patches": member.patches,
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
                members.append(
                    Member(
                        entry["category"],
                        coreset,
                        entry["buffer"],
                        rows,
                        scoring,
                        entry["centroid"],
                        entry["patches"],
                    )
                )
            self.experts[int(index)] = Expert(members, packed["updates"])
        self.owners = {c: e for e, expert in self.experts.items() for c in expert.categories}

    def _assign(self, experience: TrainExperience, category: str) -> Assignment:
        """Choose the expert of a category by the rule `assignment`."""
        params = self.params
        count, room = params.experts, params.categories_per_expert
        assert room is not None, "`resolve` replaces auto"
        coreset = self._select(experience, category)
        centroid = self._centroid(experience, category, coreset)
        of = params.expert_centroid
        means = {index: expert.centroid(of) for index, expert in self.experts.items()}
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
        coreset = self._select(experience, category)
        centroid = None
        if self.params.expert_centroid == "categories":
            centroid = self._centroid(experience, category, coreset)
        patches = self.context.coresets.patch_count(experience, category)
        if returned := [member for member in expert.members if member.category == category]:
            (before,) = returned
            expert.members.remove(before)
            both = [before.coreset, coreset]
            coreset = reselect(self.context, both, self.params.class_budget)
            if self.params.centroid == "coreset":
                centroid = None if centroid is None else mean_vector([coreset])
            elif centroid is not None and before.centroid is not None:
                sums = before.centroid * before.patches + centroid * patches
                centroid = sums / (before.patches + patches)
            patches += before.patches
        expert.count_update()
        count = len(expert.members) + 1
        for place, member in enumerate(expert.members):
            self._shrink(member, place, count, expert.updates)
        older = [member.coreset for member in expert.members]
        buffer = self.budgets.buffer(len(coreset), count)
        rows = np.arange(len(coreset))
        expert.members.append(Member(category, coreset, buffer, rows, coreset, centroid, patches))
        if self.params.update == "reselect":
            self._reselect(expert)
        self.router.learn(index, experience, category, older)

    def _select(self, experience: TrainExperience, category: str) -> Block:
        """S_c, the coreset of a category."""
        return self.context.coresets.select(
            experience,
            category,
            self.params.class_budget,
            selector=self.params.selector,
            start=self.params.coreset_start,
            seed=self.context.seed,
        )

    def _centroid(self, experience: TrainExperience, category: str, coreset: Block) -> np.ndarray:
        """(D,) float64 centroid of a category, mu_c."""
        if self.params.centroid == "coreset":
            return mean_vector([coreset])
        return self.context.coresets.centroid(experience, category)

    def _reselect(self, expert: Expert) -> None:
        """Select class_budget of the vectors that score, from all categories of the expert."""
        blocks = [member.scoring for member in expert.members]
        picks = self.context.coresets.reduce(blocks, self.params.class_budget)
        start = 0
        for member, block in zip(expert.members, blocks, strict=True):
            end = start + len(block)
            member.rows = member.rows[np.sort(picks[(picks >= start) & (picks < end)]) - start]
            member.scoring = select_rows(member.coreset, member.rows)
            start = end

    def _shrink(self, member: Member, place: int, count: int, update: int) -> None:
        """Reduce an older category to its buffer, now that the expert owns `count` categories."""
        member.buffer = self.budgets.buffer(len(member.coreset), count)
        all_score = len(member.rows) == len(member.coreset)
        member.rows = select_replayed_rows(
            self.params.replay,
            member.buffer,
            self._priorities(member, update),
            lambda available: self.budgets.replayed(available, place, count - 1),
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
