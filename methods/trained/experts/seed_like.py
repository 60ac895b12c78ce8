"""After SEED: a fixed number of networks, of which a new category changes only one."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ....benchmark.interface.experience import TrainExperience
from ....benchmark.interface.method import State
from ....benchmark.interface.params import param
from .expert_detector import ExpertDetector, ExpertParams

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..networks.error_network import ErrorNetwork

_BATCH = 32
_LEAST_VARIANCE = 1e-6
"""Share of the largest variance, below which a Gaussian has no dimension."""


@dataclass(frozen=True)
class SeedLikeParams(ExpertParams):
    """SEED has five experts."""

    max_experts: int = param(5, "largest number of networks", low=1, high=1000)
    seed_alpha: float = param(1.0, "weight of the distillation when one is fine-tuned", low=0)


class SeedLike(ExpertDetector):
    """Fine-tunes only the expert for which a new category overlaps least with the others.

    An idea of SEED (Rypeść et al., "Divide and not forget: Ensemble of selectively trained experts
    in continual learning", ICLR 2024). Until there are `max_experts`, every experience gets an
    expert that starts from the first one. Each expert describes each category by a Gaussian of its
    mean prediction. The mean divergence of the new Gaussians from all others says how little they
    overlap. SEED compares the categories of an experience with each other, of which there is often
    one here; and it classifies by all experts together, where here one expert scores an image.
    """

    def learn(self, experience: TrainExperience) -> None:
        from ..plugins.training import train

        old = None
        known = len(self.experts)
        if known < self.params.max_experts:
            first = copy.deepcopy(self.experts[0]) if self.experts else self.untrained()
            self.experts.append(first)
            chosen, reason = known, "a new expert"
        else:
            chosen, reason = self._least_overlap(experience), "the least overlap"
            old = self.experts[chosen]
        self.old, self.network = old, self.experts[chosen]
        train(self.build_strategy("Naive", self.network), experience.as_avalanche(self.inputs))
        gaussians = self.strategy_state.get("gaussians", [])
        gaussians = [*gaussians, *([] for _ in range(len(self.experts) - len(gaussians)))]
        new = (self._gaussians(network, experience) for network in self.experts)
        self.strategy_state = {
            "gaussians": [[*had, *more] for had, more in zip(gaussians, new, strict=True)]
        }
        for category in experience.categories:
            self.own(category, chosen, reason)

    def plugins(self) -> list[Any]:
        from ..plugins.distillation import learning_without_forgetting

        if self.old is None:
            return super().plugins()
        return [
            *super().plugins(),
            learning_without_forgetting(self.params.seed_alpha, self.old),
        ]

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self.network = self.experts[-1]

    def _least_overlap(self, experience: TrainExperience) -> int:
        """The expert with the highest mean divergence of the new Gaussians from all others."""
        divergences = []
        for index, network in enumerate(self.experts):
            new = self._gaussians(network, experience)
            others = [*self.strategy_state["gaussians"][index], *new]
            pairs = [divergence(one, other) for one in new for other in others if one is not other]
            divergences.append(sum(pairs) / len(pairs))
        chosen = divergences.index(max(divergences))
        for index, value in enumerate(divergences):
            self.context.record(
                "overlap", expert=index, divergence=value, fine_tuned=index == chosen
            )
        return chosen

    def _gaussians(self, network: ErrorNetwork, experience: TrainExperience) -> list[Tensor]:
        """Per category, (2, D): mean and variance over its images of the mean prediction."""
        import torch

        from ..stored_images import as_floats, read_images

        gaussians = []
        network.eval()
        for category in experience.categories:
            means = []
            for part in read_images(experience, category, self.inputs):
                for batch in part.split(_BATCH):
                    with torch.no_grad():
                        outputs = network.predictions(as_floats(batch).to(self.context.device))
                    means.append(torch.cat([_mean(each) for each in outputs], 1).double())
            joined = torch.cat(means)
            gaussians.append(torch.stack([joined.mean(0), joined.var(0, unbiased=False)]).float())
        return gaussians


def divergence(one: Tensor, other: Tensor) -> float:
    """Kullback-Leibler divergence of two diagonal Gaussians (2, D): mean and variance."""
    least = _LEAST_VARIANCE * max(float(one[1].max()), float(other[1].max()), 1e-30)
    (m1, v1), (m2, v2) = one.double(), other.double()
    v1, v2 = v1.clamp(min=least), v2.clamp(min=least)
    terms: torch.Tensor = (v1 + (m1 - m2).square()) / v2 - 1 + (v2 / v1).log()
    return float(terms.sum()) / 2


def _mean(prediction: Tensor) -> Tensor:
    """(B, D): mean over places of patches (B, P, D) or maps (B, D, h, w); vectors as they are."""
    if prediction.ndim == 2:
        return prediction
    return prediction.mean(1) if prediction.ndim == 3 else prediction.flatten(2).mean(2)
