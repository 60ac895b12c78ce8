"""What IUF adds to the loss: the categories of the images, and semantic compression."""

from __future__ import annotations

from typing import Any

import torch
from avalanche.training.plugins import SupervisedPlugin
from torch import Tensor
from torch.nn import functional

_ROWS = 768
_SMALL = 0.1


class CategoryLoss(SupervisedPlugin):
    """Adds the cross-entropy of the classifier with the categories of the batch."""

    def before_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        self._hook = strategy.model.objects.register_forward_hook(self._keep)

    def before_backward(self, strategy: Any, **kwargs: Any) -> None:
        strategy.loss = strategy.loss + functional.cross_entropy(
            self._logits.float(), strategy.mb_y
        )

    def after_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        self._hook.remove()
        del self._logits

    def _keep(self, module: Any, inputs: Any, outputs: tuple[Tensor, list[Tensor]]) -> None:
        self._logits = outputs[0]


class SemanticCompression(SupervisedPlugin):
    """Adds the share of the small singular values of what the decoder's layers give.

    The rows of a matrix are the mean tokens of the last images of the epoch, of which those of the
    batch have a gradient. The last layer is left out if there are several.
    """

    def __init__(self, weight: float) -> None:
        """Make the plugin for one experience.

        Args:
            weight: weight of the loss.
        """
        super().__init__()
        self.weight = weight
        self._levels: dict[int, Tensor] = {}
        self._earlier: dict[int, Tensor] = {}

    def before_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        layers = list(strategy.model.decoder)
        self._hooks = [
            layer.register_forward_hook(lambda _, __, out, at=level: self._keep(at, out))
            for level, layer in enumerate(layers[:-1] or layers)
        ]

    def before_training_epoch(self, strategy: Any, **kwargs: Any) -> None:
        self._earlier = {}

    def before_backward(self, strategy: Any, **kwargs: Any) -> None:
        losses = []
        for level, values in self._levels.items():
            rows = strategy.model.norm(values.float()).mean(1)
            if level in self._earlier:
                rows = torch.cat([self._earlier[level], rows])[-_ROWS:]
            self._earlier[level] = rows.detach()
            losses.append(small_singular_values(rows))
        strategy.loss = strategy.loss + self.weight * torch.stack(losses).mean()

    def after_training_exp(self, strategy: Any, **kwargs: Any) -> None:
        for hook in self._hooks:
            hook.remove()
        self._levels, self._earlier = {}, {}

    def _keep(self, level: int, values: Tensor) -> None:
        self._levels[level] = values


def small_singular_values(rows: Tensor) -> Tensor:
    """Sum of the singular values of rows (N, W) below 0.1 / W, where all sum to 1."""
    values = torch.linalg.svdvals(rows)
    shares = values / values.sum()
    result: Tensor = shares[shares < _SMALL / rows.shape[1]].sum()
    return result
