"""How a detector's source trains, apart from its optimizer: clipped gradients, lower rates."""

from __future__ import annotations

from typing import Any

from avalanche.training.plugins import SupervisedPlugin
from torch.nn.utils import clip_grad_norm_


class ClippedGradients(SupervisedPlugin):
    """Limits the norm of the gradient of all parameters before each step."""

    def __init__(self, largest: float) -> None:
        super().__init__()
        self.largest = largest

    def before_update(self, strategy: Any, **kwargs: Any) -> None:
        clip_grad_norm_(strategy.model.parameters(), self.largest)


class LowerRate(SupervisedPlugin):
    """Multiplies the learning rates by a factor once, after a share of the epochs."""

    def __init__(self, share: float, factor: float = 0.1) -> None:
        super().__init__()
        self.share, self.factor = share, factor
        self.epochs = 0

    def after_training_epoch(self, strategy: Any, **kwargs: Any) -> None:
        self.epochs += 1
        if self.epochs == round(self.share * strategy.train_epochs):
            for group in strategy.optimizer.param_groups:
                group["lr"] *= self.factor
