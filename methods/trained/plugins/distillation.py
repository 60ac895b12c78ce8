"""Learning without forgetting, for regression."""

from __future__ import annotations

import copy
from typing import Any

from avalanche.training.plugins import LwFPlugin
from avalanche.training.regularization import LearningWithoutForgetting
from torch import Tensor, nn

from .training import SquaredErrors


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
        return SquaredErrors()(out - prev_out)


def learning_without_forgetting(alpha: float, old: nn.Module | None) -> LwFPlugin:
    """Build the LwF plugin.

    Args:
        alpha: weight of the distillation loss.
        old: the network before this experience; None in the first experience.
    """
    plugin = LwFPlugin(alpha)
    plugin.lwf = ErrorDistillation(alpha, old)
    return plugin
