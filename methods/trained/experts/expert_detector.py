"""The base of strategies with several networks, of which a router chooses one per test image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ....benchmark.interface.context import MethodContext
from ....benchmark.interface.experience import TestBatch
from ....benchmark.interface.method import State
from ....benchmark.interface.params import Params, param
from ....benchmark.interface.prediction import ExpertMemory, MemoryReport, Prediction
from ...deterministic import deterministic
from ...routing.registry import ROUTERS
from ...routing.scoring import choose_experts
from ..detector import TrainedDetector, count_bytes

if TYPE_CHECKING:
    from torch import Tensor

    from ..networks.error_network import ErrorNetwork

ERROR_ROUTERS = tuple(name for name in ROUTERS if name.startswith("nearest"))
"""The routers that need nothing but the errors of the patches."""


@dataclass(frozen=True)
class ExpertParams(Params):
    """How many experts there may be, and how images find theirs."""

    max_experts: int = param(20, "largest number of networks", low=1, high=1000)
    router: str = param(
        "nearest_mean",
        "how the network of an image is chosen: by the mean, largest or squared error of patches",
        choices=ERROR_ROUTERS,
    )


class ExpertDetector(TrainedDetector):
    """Several networks of a detector, the experts; `network` is the one that learned last."""

    def __init__(self, params: Any, context: MethodContext) -> None:
        super().__init__(params, context)
        self.router = ROUTERS[params.router](context)
        self.experts: list[ErrorNetwork] = []
        self.owners: dict[str, int] = {}

    def networks(self) -> list[ErrorNetwork]:
        return self.experts

    def owner_of(self, category: str | None) -> int | None:
        """The expert that scores a category; None for the router's choice."""
        return self.owners.get(category) if category else None

    def own(self, category: str, expert: int, reason: str) -> None:
        """Say and record that an expert has learned a category."""
        self.owners[category] = expert
        self.context.record(
            "assignment",
            category=category,
            expert=expert,
            similarity=None,
            chosen=True,
            reason=reason,
            threshold=None,
        )

    def score(self, batch: TestBatch) -> Prediction:
        import torch

        found: dict[int, Tensor] = {}

        def errors(expert: int) -> Tensor:
            found[expert] = self.maps(self.experts[expert], batch)
            return found[expert].flatten(1)

        distances = {expert: partial(errors, expert) for expert in range(len(self.experts))}
        with torch.no_grad(), deterministic():
            own, route = choose_experts(
                batch, distances, self.owner_of(batch.category), self.router
            )
        maps = own.reshape(-1, *next(iter(found.values())).shape[1:])
        return Prediction(self.image_scores(maps), maps, route)

    def memory(self) -> MemoryReport:
        experts = []
        for index, network in enumerate(self.experts):
            names = tuple(name for name, owner in self.owners.items() if owner == index)
            size = count_bytes(network.state_dict())
            experts.append(ExpertMemory(index, names, 0, 0, size, size, utilization=1.0))
        networks = sum(expert.scoring_bytes for expert in experts)
        stored = networks + count_bytes(self.strategy_state)
        about_networks = self.network_size(networks)
        return MemoryReport(0, 0, networks, stored, tuple(experts), **about_networks)

    def state_dict(self) -> State:
        return {
            "experiences": self.experiences,
            "networks": [self.copied_weights(network) for network in self.experts],
            "owners": dict(self.owners),
            "strategy": self.strategy_state,
        }

    def load_state_dict(self, state: State) -> None:
        self.experiences = state["experiences"]
        self.experts = [self.restored_network(weights) for weights in state["networks"]]
        self.owners = dict(state["owners"])
        self.strategy_state = state["strategy"]
