"""Training with Avalanche's strategies: the loss, how a strategy is built, what is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from avalanche.logging import BaseLogger
from avalanche.training import supervised
from avalanche.training.plugins import EvaluationPlugin, SupervisedPlugin
from torch import Tensor, nn

View: TypeAlias = Callable[[Sequence[Tensor]], list[Tensor]]

_TRAIN_OPTIONS = {"eval_streams": [], "num_workers": 0, "pin_memory": False}
"""No evaluation and no worker processes: the cached data are on the device already."""


class SquaredErrors(nn.Module):
    """The loss of all detectors: the mean over images of the sum of squared errors.

    Avalanche's plugins may set `reduction` to `none` for one loss per image.
    """

    reduction = "mean"

    def forward(self, errors: Tensor, target: Any = None) -> Tensor:
        """The loss of errors (B, K); `target`, the number of the category, is ignored."""
        losses = errors.square().sum(1)
        return losses if self.reduction == "none" else losses.mean()


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
        criterion=SquaredErrors(),
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


class TrainingView(SupervisedPlugin):
    """Trains on a view of each batch, such as random patches of its images."""

    def __init__(self, view: View) -> None:
        """Make the plugin for one experience.

        Args:
            view: `TrainedDetector.training_view`.
        """
        super().__init__()
        self.view = view

    def before_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        strategy.mbatch[0] = self.view([strategy.mbatch[0]])[0]


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
