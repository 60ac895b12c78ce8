"""IUF: UniAD that learns in steps, conditioned by the categories that it has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....benchmark.interface.experience import TrainExperience
from ....benchmark.interface.method import State
from .parameters import IUFParams
from .uniad import UniAD

if TYPE_CHECKING:
    import torch

    from ..networks.error_network import ErrorNetwork


class IUF(UniAD):
    """IUF: UniAD conditioned by a classifier, with projected and averaged updates.

    Source: "An Incremental Unified Framework for Small Defect Inspection" (ECCV 2024),
    github.com/jqtangust/IUF. A classifier of the categories seen so far multiplies the queries of
    the encoder. In the first experience a loss keeps the decoder's tokens in few directions; later
    experiences change the strong directions less. No image is stored, and no category is needed to
    score. The classifier sees the patch embeddings, not the pixels. docs/trained_details.md has all
    differences.
    """

    Params = IUFParams
    title = "IUF"

    def untrained(self) -> ErrorNetwork:
        from .iuf_network import IUFNetwork

        with self.seeded_torch("network"):
            network = IUFNetwork(self.context.feature_dim, self.context.grid, self.params)
        return network.to(self.context.device)

    def restored_network(self, weights: State) -> ErrorNetwork:
        network: Any = self.untrained()
        with self.seeded_torch("head"):  # the values are replaced; the generators must stay
            network.grow_head(len(weights["objects.head.bias"]))
        network.load_state_dict(weights)
        restored: ErrorNetwork = network.eval()
        return restored

    def learn(self, experience: TrainExperience) -> None:
        network: Any = self.network or self.untrained()
        network.grow_head(experience.categories_before + len(experience.categories))
        self.network = network
        super().learn(experience)

    def optimizer(self, network: ErrorNetwork) -> torch.optim.Optimizer:
        import torch

        if not self.experiences:
            return super().optimizer(network)
        return torch.optim.SGD(network.parameters(), lr=self.params.step_lr)

    def plugins(self) -> list[Any]:
        from ..plugins.schedule import ClippedGradients
        from .constrained_steps import AveragedWeights, ProjectedGradients
        from .semantic_losses import CategoryLoss, SemanticCompression

        if not self.experiences:
            plugins = [*super().plugins(), CategoryLoss()]
            weight = self.params.compression
            return [*plugins, SemanticCompression(weight)] if weight else plugins
        return [
            ClippedGradients(0.1),
            CategoryLoss(),
            AveragedWeights(self.params.average),
            ProjectedGradients(self.strategy_state.get("moments", {})),
        ]

    def updated_state(self, strategy: Any, experience: TrainExperience) -> dict[str, Any]:
        from .constrained_steps import output_moments

        if self.params.projection == "off":
            return {}
        old = self.strategy_state.get("moments", {})
        new = output_moments(strategy.model, experience)
        return {"moments": {name: old.get(name, 0) + each for name, each in new.items()}}
