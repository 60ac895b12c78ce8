"""Avalanche's strategies and plugins, adapted to a reconstruction loss.

Importing avalanche takes seconds, so import this module only to train.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

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

_TRAIN_OPTIONS = {"eval_streams": [], "num_workers": 0, "pin_memory": False}
"""No evaluation and no worker processes: the cached data are on the device already."""

_LARGEST_IMPORTANCE = 0.001
"""Upper limit of importances in `SynapticIntelligencePlugin`."""


def squared_errors(errors: Tensor, target: Any = None) -> Tensor:
    """The loss of all detectors: the mean over images of the sum of squared errors.

    Args:
        errors: (B, K) output of the network.
        target: ignored; Avalanche passes the number of the category.
    """
    return errors.square().sum(1).mean()


def build_strategy(
    name: str,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    plugins: Sequence[SupervisedPlugin],
    *,
    batch_size: int,
    epochs: int,
    device: torch.device,
    experiences: int,
) -> Any:
    """Build one of Avalanche's strategies, without logging and evaluation.

    Args:
        name: class name in `avalanche.training.supervised`.
        network: the network to train.
        optimizer: optimizer of its parameters.
        plugins: further plugins.
        batch_size: images per step.
        epochs: passes over an experience.
        device: where to train.
        experiences: number of experiences that were learned before.
    """
    strategy = getattr(supervised, name)(
        model=network,
        optimizer=optimizer,
        criterion=squared_errors,
        train_mb_size=batch_size,
        train_epochs=epochs,
        device=device,
        plugins=list(plugins),
        evaluator=EvaluationPlugin(loggers=[BaseLogger()]),  # a logger that prints nothing
    )
    strategy.clock.train_exp_counter = experiences
    return strategy


def train(strategy: Any, experiences: Any) -> None:
    """Train on an Avalanche experience or a list of them, without output."""
    strategy.train(experiences, **_TRAIN_OPTIONS)


class SampledPatches(SupervisedPlugin):
    """Trains each step on `count` random patches per image: (B, P, D) -> (B, count, D)."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def before_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        patches = strategy.mbatch[0]
        if patches.shape[1] > self.count:
            rows = torch.randint(patches.shape[1], (len(patches), self.count, 1))
            strategy.mbatch[0] = patches.take_along_dim(rows.to(patches.device), 1)


class RecordedLoss(SupervisedPlugin):
    """Records the loss of each epoch: the mean over its images, with the strategy's penalty."""

    def __init__(self, record: Callable[..., None]) -> None:
        """Make the plugin for one experience.

        Args:
            record: `MethodContext.record`.
        """
        super().__init__()
        self.record = record
        self.epoch = 0
        self.count = 0
        self.total: Any = 0.0

    def after_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        count = len(strategy.mb_x)
        self.total = self.total + strategy.loss.detach() * count
        self.count += count

    def after_training_epoch(self, strategy: Any, **kwargs: Any) -> None:
        self.epoch += 1
        if self.count:
            self.record("epoch", epoch=self.epoch, loss=float(self.total) / self.count)
        self.count, self.total = 0, 0.0


def restore_ewc(strength: float, state: dict[str, Any], network: nn.Module) -> EWCPlugin:
    """Build the EWC plugin, with one penalty per earlier experience.

    Args:
        strength: weight of the penalties.
        state: what `ewc_state` returned after the last experience; empty before the first.
        network: the network, whose parameters are the optimum of the last experience.
    """
    plugin = EWCPlugin(strength)
    optima = [*state.get("optima", ()), dict(network.named_parameters())]
    for index, importances in enumerate(state.get("importances", ())):
        plugin.importances[index] = _as_data(importances)
        plugin.saved_params[index] = _as_data(optima[index])
    return plugin


def ewc_state(plugin: EWCPlugin) -> dict[str, Any]:
    """The importances of every experience, and the optima of all but the last."""
    count = len(plugin.importances)
    return {
        "importances": [_as_tensors(plugin.importances[index]) for index in range(count)],
        "optima": [_as_tensors(plugin.saved_params[index]) for index in range(count - 1)],
    }


class SynapticIntelligence(SynapticIntelligencePlugin):
    """Avalanche's plugin, with copies of the parameters instead of views on a CPU.

    Views change with the parameters, so every step would have length 0 and no parameter an
    importance.
    """

    def before_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        super().before_training_exp(strategy, **kwargs)
        _copy_data(self.ewc_data[0])

    def before_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        super().before_training_iteration(strategy, **kwargs)
        _copy_data(self.syn_data["old_theta"])


def restore_synaptic_intelligence(
    strength: float, state: dict[str, Any], network: nn.Module
) -> SynapticIntelligence:
    """Build the SI plugin.

    Args:
        strength: weight of the penalty.
        state: what `synaptic_intelligence_state` returned; empty before the first experience.
        network: the network that it regularizes.
    """
    plugin = SynapticIntelligence(strength)
    plugin.create_syn_data(network, plugin.ewc_data, plugin.syn_data, plugin.excluded_parameters)
    for name, trajectory in state.get("trajectory", {}).items():
        plugin.syn_data["cum_trajectory"][name].data = trajectory.cpu().clone()
        plugin.ewc_data[1][name].data = (-trajectory.cpu()).clamp(max=_LARGEST_IMPORTANCE)
    return plugin


def synaptic_intelligence_state(plugin: SynapticIntelligence) -> dict[str, Any]:
    """The sums from which the importances are computed."""
    return {"trajectory": _as_tensors(plugin.syn_data["cum_trajectory"])}


class ErrorDistillation(LearningWithoutForgetting):
    """LwF for regression: the network should keep the errors of the old network on new images.

    Avalanche distills class probabilities, which a reconstruction does not have. The errors of two
    networks on one input differ as their predictions do, so this distills predictions, in the units
    of the loss.
    """

    def __init__(self, alpha: float, old: nn.Module | None) -> None:
        super().__init__(alpha)
        if old is not None:
            # In evaluation mode: with the old batch statistics, not those of the new images.
            self.prev_model = copy.deepcopy(old).eval()
            self.prev_classes_by_task[0] = set()

    def _distillation_loss(self, out: Tensor, prev_out: Tensor, active_units: Any) -> Tensor:
        return squared_errors(out - prev_out)


def learning_without_forgetting(alpha: float, old: nn.Module | None) -> LwFPlugin:
    """Build the LwF plugin.

    Args:
        alpha: weight of the distillation loss.
        old: the network before this experience; None in the first experience.
    """
    plugin = LwFPlugin(alpha)
    plugin.lwf = ErrorDistillation(alpha, old)
    return plugin


def _as_data(tensors: dict[str, Tensor]) -> dict[str, ParamData]:
    return {
        name: ParamData(name, device=tensor.device, init_tensor=tensor.detach().clone())
        for name, tensor in tensors.items()
    }


def _as_tensors(data: dict[str, ParamData]) -> dict[str, Tensor]:
    return {name: entry.data.detach().clone() for name, entry in data.items()}


def _copy_data(data: dict[str, ParamData]) -> None:
    """Replace the data of each entry by a copy."""
    for entry in data.values():
        entry.data = entry.data.clone()
