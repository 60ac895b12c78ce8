"""MoEAD on cached patch embeddings, with each continual strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..combining import combine
from .parameters import MoEADParams
from .uniad import UniAD

if TYPE_CHECKING:
    from ..networks.error_network import ErrorNetwork


class MoEAD(UniAD):
    """MoEAD: UniAD with one layer for all rounds, and a pool of experts for its feed-forward part.

    Source: "MoEAD: A Parameter-efficient Model for Multi-class Anomaly Detection" (ECCV 2024), by
    its code, github.com/TheStarOfMSY/MoEAD. There is no encoder. A router chooses the experts of
    each token. Nothing in the source is continual.
    """

    Params = MoEADParams
    title = "MoEAD"

    def untrained(self) -> ErrorNetwork:
        from .moead_network import MoEADNetwork

        with self.seeded_torch("network"):
            network = MoEADNetwork(self.context.feature_dim, self.context.grid, self.params)
        return network.to(self.context.device)

    def plugins(self) -> list[Any]:
        from .balanced_experts import BalancedExperts

        weight = self.params.balance
        plugins = super().plugins()
        return [*plugins, BalancedExperts(weight)] if weight else plugins


def __getattr__(name: str) -> Any:
    """The detector with a strategy, such as `MoEADReplay`."""
    return combine(MoEAD, name)
