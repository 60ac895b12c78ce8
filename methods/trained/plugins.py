"""Avalanche for a reconstruction loss: its strategies as they are, silent, and what they lack.

Importing avalanche takes seconds, so this module is imported when something is trained.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from avalanche.logging import BaseLogger
from avalanche.training import supervised
from avalanche.training.plugins import (
    EvaluationPlugin,
    EWCPlugin,
    LwFPlugin,
    SupervisedPlugin,
    SynapticIntelligencePlugin,
)
from avalanche.training.regularization import LearningWithoutForgetting
from avalanche.training.utils import ParamData
from torch import Tensor, nn

if TYPE_CHECKING:
    from .detector import TrainedDetector

QUIET = {"eval_streams": [], "num_workers": 0, "pin_memory": False}
"""No evaluation, nothing in other processes; what the cache gives is on the device already."""


def squared_errors(errors: Tensor, target: Any = None) -> Tensor:
    """errors (B, K): the mean over images of the summed squares. The target is not looked at."""
    return errors.square().sum(1).mean()


def strategy(
    name: str, detector: TrainedDetector, network: nn.Module, plugins: Sequence[SupervisedPlugin]
) -> Any:
    """One of Avalanche's strategies, ready for the detector's next experience."""
    made = getattr(supervised, name)(
        model=network,
        optimizer=detector.optimizer(network),
        criterion=squared_errors,
        train_mb_size=detector.params.batch_size,
        train_epochs=detector.params.epochs,
        device=detector.context.device,
        plugins=list(plugins),
        evaluator=EvaluationPlugin(loggers=[BaseLogger()]),  # one that says nothing
    )
    made.clock.train_exp_counter = detector.experiences
    return made


def train(made: Any, experiences: Any) -> None:
    """Train in silence on an experience, or on a list of them."""
    made.train(experiences, **QUIET)


LARGEST_IMPORTANCE = 0.001
"""Where `SynapticIntelligencePlugin` cuts importances off."""


class SampledPatches(SupervisedPlugin):
    """Each step sees some patches of each image, drawn at random: (B, P, D) -> (B, count, D)."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def before_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        patches = strategy.mbatch[0]
        if patches.shape[1] > self.count:
            places = torch.randint(patches.shape[1], (len(patches), self.count, 1))
            strategy.mbatch[0] = patches.take_along_dim(places.to(patches.device), 1)


def ewc(strength: float, kept: dict[str, Any], network: nn.Module) -> EWCPlugin:
    """`separate` EWC as it was left; the newest optimum is the network itself."""
    plugin = EWCPlugin(strength)
    optima = [*kept.get("optima", ()), dict(network.named_parameters())]
    for index, importances in enumerate(kept.get("importances", ())):
        plugin.importances[index] = _as_data(importances)
        plugin.saved_params[index] = _as_data(optima[index])
    return plugin


def ewc_kept(plugin: EWCPlugin) -> dict[str, Any]:
    """Importances of every experience, and the optima of all but the newest."""
    count = len(plugin.importances)
    return {
        "importances": [_as_tensors(plugin.importances[index]) for index in range(count)],
        "optima": [_as_tensors(plugin.saved_params[index]) for index in range(count - 1)],
    }


class SynapticIntelligence(SynapticIntelligencePlugin):
    """Avalanche's, with copies where on a CPU it keeps views of the parameters themselves.

    Those move with them, so no step would have a length and no parameter an importance.
    """

    def before_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        super().before_training_exp(strategy, **kwargs)
        _detach(self.ewc_data[0])

    def before_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        super().before_training_iteration(strategy, **kwargs)
        _detach(self.syn_data["old_theta"])


def synaptic_intelligence(
    strength: float, kept: dict[str, Any], network: nn.Module
) -> SynapticIntelligence:
    """SI as it was left."""
    plugin = SynapticIntelligence(strength)
    plugin.create_syn_data(network, plugin.ewc_data, plugin.syn_data, plugin.excluded_parameters)
    for name, trajectory in kept.get("trajectory", {}).items():
        plugin.syn_data["cum_trajectory"][name].data = trajectory.cpu().clone()
        plugin.ewc_data[1][name].data = (-trajectory.cpu()).clamp(max=LARGEST_IMPORTANCE)
    return plugin


def synaptic_intelligence_kept(plugin: SynapticIntelligence) -> dict[str, Any]:
    """The sums that the importances are computed from."""
    return {"trajectory": _as_tensors(plugin.syn_data["cum_trajectory"])}


class ErrorDistillation(LearningWithoutForgetting):
    """LwF for regression: the new errors on an image are to be those of the old network.

    Avalanche distils class probabilities, and a reconstruction has none. Errors of the same input
    differ as the two predictions do, so this is distillation of predictions, in the loss's units.
    """

    def __init__(self, alpha: float, old: nn.Module | None) -> None:
        super().__init__(alpha)
        if old is not None:
            # With the statistics that the old network was used with, not those of new images.
            self.prev_model = copy.deepcopy(old).eval()
            self.prev_classes_by_task[0] = set()

    def _distillation_loss(self, out: Tensor, prev_out: Tensor, active_units: Any) -> Tensor:
        return squared_errors(out - prev_out)


def without_forgetting(alpha: float, old: nn.Module | None) -> LwFPlugin:
    """LwF whose old network is `old`; None before the first experience."""
    plugin = LwFPlugin(alpha)
    plugin.lwf = ErrorDistillation(alpha, old)
    return plugin


def _as_data(tensors: dict[str, Tensor]) -> dict[str, ParamData]:
    return {
        name: ParamData(name, device=tensor.device, init_tensor=tensor.detach().clone())
        for name, tensor in tensors.items()
    }


def _as_tensors(data: dict[str, ParamData]) -> dict[str, Tensor]:
    return {name: held.data.detach().clone() for name, held in data.items()}


def _detach(data: dict[str, ParamData]) -> None:
    for held in data.values():
        held.data = held.data.clone()
