"""The parameters of MECAD, and what `auto` means for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..benchmark.interface.method import CellFacts
from ..benchmark.interface.params import param
from ..benchmark.interface.services import Selector, Start
from ..methods.bank_scoring import ScoringParams
from ..methods.routing.registry import ROUTERS
from ..results.errors import UsageError
from .assignment import Rule
from .expert import CategoryCentroid, ExpertCentroid
from .grouping import EXAMPLE, check_groups, parse_groups
from .memory import Replay, ReplayShare
from .threshold import automatic_threshold, compared_means, is_calibrated

Update: TypeAlias = Literal["union", "reselect"]


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
    centroid: CategoryCentroid = param(
        "patches", "centroid of a category: mean of its training patches, or coreset"
    )
    expert_centroid: ExpertCentroid = param(
        "categories",
        "what it is compared with: the mean of the centroids of the expert's categories, of the "
        "vectors that score, or of those buffered",
    )
    update: Update = param(
        "union",
        "memory of an expert: the new coreset and the replayed vectors, or class_budget of them "
        "selected again",
    )
    replay_share: ReplayShare = param(
        "buffer",
        "what replay_ratio is a share of: each older category's buffer, or a budget in all",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.assignment == "given" and not self.groups:
            raise UsageError(f"mecad.assignment=given needs the groups: --set {EXAMPLE}")
        if self.groups:
            parse_groups(self.groups)

    def resolve(self, facts: CellFacts) -> MecadParams:
        """Replace every parameter that is `auto`; see `Method.resolve`."""
        params = self
        if params.assignment == "given":
            groups = parse_groups(params.groups)
            if facts.names:
                check_groups(groups, facts.names)
            params = params.replace(experts=len(groups))
        elif params.groups:  # allows a sweep over assignments to give the groups once
            params = params.replace(groups="")
        if params.threshold is None:
            known = is_calibrated(facts.backbone, facts.embedding, facts.layers)
            if known or params.assignment == "similarity":
                compared = compared_means(params.centroid, params.expert_centroid)
                threshold = automatic_threshold(
                    facts.backbone, facts.embedding, compared, facts.layers
                )
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
