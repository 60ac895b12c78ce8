"""How IUF changes the steps of later experiences: old weights are mixed in, gradients projected."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from avalanche.training.plugins import SupervisedPlugin
from torch import Tensor, nn

from .layers import FeedForward

if TYPE_CHECKING:
    from ....benchmark.interface.experience import TrainExperience


class AveragedWeights(SupervisedPlugin):
    """Before each step, mixes the weights from before the experience into the new ones."""

    def __init__(self, share: float) -> None:
        """Make the plugin for one experience.

        Args:
            share: share of the old weights, and of the old batch statistics.
        """
        super().__init__()
        self.share = share

    def before_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        state = strategy.model.state_dict()
        self._old = {
            name: value.clone() for name, value in state.items() if value.is_floating_point()
        }

    @torch.no_grad()
    def before_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        for name, value in strategy.model.state_dict().items():
            if name in self._old:
                value.lerp_(self._old[name], self.share)


class ProjectedGradients(SupervisedPlugin):
    """Weakens the gradients of feed-forward layers where their old outputs were strong.

    Of the directions of the outputs, in the order of their strength, direction i of W (from 0) gets
    the share log(i + 1) / log(W) of the gradient: the strongest none, the weakest all of it.
    """

    def __init__(self, moments: dict[str, Tensor]) -> None:
        """Make the plugin for one experience.

        Args:
            moments: what `output_moments` returned for earlier experiences, added.
        """
        super().__init__()
        self.projections = {name: projection(moment) for name, moment in moments.items()}

    @torch.no_grad()
    def before_update(self, strategy: Any, **kwargs: Any) -> None:
        for name, value in strategy.model.named_parameters():
            matrix = self.projections.get(name.rpartition(".")[0])
            if matrix is not None and value.grad is not None:
                value.grad = matrix.to(value.grad) @ value.grad


def projection(moment: Tensor) -> Tensor:
    """The symmetric matrix (W, W) that weakens a gradient, of a moment (W, W) of outputs."""
    _, vectors = torch.linalg.eigh(moment)
    strongest_first = vectors.flip(1)
    count = len(moment)
    shares = (torch.arange(count).to(moment) + 1).log() / math.log(count)
    return strongest_first * shares @ strongest_first.mT


def output_moments(network: nn.Module, experience: TrainExperience) -> dict[str, Tensor]:
    """Per feed-forward layer, the sum of y y^T over images, (W, W) float64; y is a mean output.

    Args:
        network: the network after the experience.
        experience: the experience, whose training images are read.
    """
    moments: dict[str, Tensor] = {}

    def add(name: str, outputs: Tensor) -> None:
        rows = outputs.mean(1).double()
        moments[name] = moments.get(name, 0) + rows.mT @ rows

    hooks = [
        module.second.register_forward_hook(
            lambda _, __, outputs, name=f"{name}.second": add(name, outputs)
        )
        for name, module in network.named_modules()
        if isinstance(module, FeedForward)
    ]
    network.eval()
    try:
        with torch.no_grad():
            for category in experience.categories:
                for _, patches in experience.batches(category):
                    network(patches)
    finally:
        for hook in hooks:
            hook.remove()
    return moments
