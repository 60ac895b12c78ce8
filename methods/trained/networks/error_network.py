"""The base of all networks here: predictions, targets, and the errors between them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ErrorNetwork(nn.Module):
    """A network that predicts something known about its input, such as the input itself.

    Predictions and targets are lists of tensors (B, ...). Strategies that keep old predictions use
    them; the loss of training uses the errors.
    """

    mixed = False
    """Whether predictions are computed in mixed precision in training; targets never are."""

    @abstractmethod
    def predictions(self, inputs: Tensor) -> list[Tensor]:
        """What the network predicts for inputs (B, ...)."""

    @abstractmethod
    def targets(self, inputs: Tensor) -> list[Tensor]:
        """What it should predict, without gradients."""

    @abstractmethod
    def errors(self, predictions: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        """Errors (B, K); the sum of their squares is the loss of an image."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Errors (B, K) of inputs (B, ...)."""
        if not (self.mixed and self.training):
            return self.errors(self.predictions(inputs), self.targets(inputs))
        with torch.autocast(inputs.device.type, torch.bfloat16):
            predictions = self.predictions(inputs)
        return self.errors([each.float() for each in predictions], self.targets(inputs))

    def output_norms(self, inputs: Tensor) -> Tensor:
        """Squared lengths (B,) of the predictions, in the units of the loss."""
        predictions = self.predictions(inputs)
        zeros = [torch.zeros_like(prediction) for prediction in predictions]
        return self.errors(predictions, zeros).square().sum(1)
