"""A loss that makes the experts of `moead` equally important."""

from __future__ import annotations

from typing import Any

import torch
from avalanche.training.plugins import SupervisedPlugin
from torch import Tensor

_LEAST = 1e-10


class BalancedExperts(SupervisedPlugin):
    """Adds the squared coefficient of variation of the importances, the mean over the pools.

    The importance of an expert is the sum of its logits over the tokens of the last round.
    """

    def __init__(self, weight: float) -> None:
        """Make the plugin for one experience.

        Args:
            weight: weight of the loss.
        """
        super().__init__()
        self.weight = weight
        self._logits: dict[int, Tensor] = {}

    def before_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        self._hooks = [
            pool.router.register_forward_hook(lambda _, __, out, at=at: self._keep(at, out))
            for at, pool in enumerate(strategy.model.pools)
        ]

    def before_backward(self, strategy: Any, **kwargs: Any) -> None:
        losses = [variation(logits.float().sum(0)) for logits in self._logits.values()]
        strategy.loss = strategy.loss + self.weight * torch.stack(losses).mean()

    def after_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        for hook in self._hooks:
            hook.remove()
        self._logits = {}

    def _keep(self, pool: int, logits: Tensor) -> None:
        self._logits[pool] = logits


def variation(importances: Tensor) -> Tensor:
    """Variance of importances (experts,) divided by their squared mean."""
    return importances.var() / (importances.mean().square() + _LEAST)
