"""Gradient-based sample selection (GSS-greedy): a memory of images with different gradients."""

from __future__ import annotations

from typing import Any

import torch
from avalanche.training.plugins import SupervisedPlugin
from torch import Tensor

from ..stored_images import as_floats, compact
from .training import View


class GradientSampling(SupervisedPlugin):
    """Replays images that were stored because their gradients differ from those of the memory.

    Source: Aljundi et al., "Gradient based sample selection for online continual learning" (NeurIPS
    2019), algorithm GSS-Greedy. Each image is considered once, in the first epoch of its
    experience; Avalanche's plugin considers it in every epoch and may store it several times. Its
    gradient is that of its loss in evaluation mode.
    """

    def __init__(
        self, size: int, subsets: int, state: dict[str, Any], view: View, device: torch.device
    ) -> None:
        """Make the plugin for one experience.

        Args:
            size: number of images in the memory.
            subsets: number of random parts of the memory that an image is compared with.
            state: what `state` returned after the last experience; empty before the first.
            view: `TrainedDetector.training_view`.
            device: where the images are used.
        """
        super().__init__()
        self.size, self.subsets, self.view, self.device = size, subsets, view, device
        self.images = list(state["values"]) if state else []
        self.scores = state["scores"].tolist() if state else []

    def state(self) -> dict[str, Any]:
        """The stored images and their scores: 1 plus the largest cosine when they entered."""
        if not self.images:
            return {}
        return {"values": torch.stack(self.images), "scores": torch.tensor(self.scores)}

    def before_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        self._new = strategy.mb_x if strategy.clock.train_exp_epochs == 0 else None

    def before_backward(self, strategy: Any, **kwargs: Any) -> None:
        count = min(strategy.train_mb_size, len(self.images))
        if count:
            rows = torch.randperm(len(self.images))[:count].tolist()
            errors = strategy.model(*self.view([self._stored(rows)]))
            strategy.loss = strategy.loss + strategy._criterion(errors, None)

    def after_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        if self._new is None or not self.size:
            return
        network = strategy.model
        training = network.training
        network.eval()
        try:
            self._consider(strategy, self._new)
        finally:
            network.train(training)
            strategy.optimizer.zero_grad()

    def _consider(self, strategy: Any, images: Tensor) -> None:
        """Store images while there is room; later, those with a new direction may replace one."""
        references = self._references(strategy, len(images))
        for image in images:
            score = 1 + self._similarity(strategy, image[None], references)
            if len(self.images) < self.size:
                self.images.append(compact(image))
                self.scores.append(score)
            elif score < 1:
                row = int(torch.multinomial(torch.tensor(self.scores) + 1e-6, 1))
                old = self.scores[row]
                if float(torch.rand(())) * (old + score) < old:
                    self.images[row], self.scores[row] = compact(image), score

    def _references(self, strategy: Any, count: int) -> list[Tensor]:
        """Gradients of random disjoint parts of the memory with up to `count` images each."""
        count = min(count, len(self.images))
        if not count:
            return []
        order = torch.randperm(len(self.images)).tolist()
        parts = [order[start : start + count] for start in range(0, len(order), count)]
        return [self._gradient(strategy, self._stored(part)) for part in parts[: self.subsets]]

    def _similarity(self, strategy: Any, images: Tensor, references: list[Tensor]) -> float:
        """Largest cosine of the gradient of images with the references; 0 without references."""
        if not references:
            return 0.0
        gradient = self._gradient(strategy, images)
        cosines = [torch.cosine_similarity(gradient, each, dim=0) for each in references]
        return float(torch.stack(cosines).max())

    def _gradient(self, strategy: Any, images: Tensor) -> Tensor:
        strategy.optimizer.zero_grad()
        strategy._criterion(strategy.model(*self.view([images])), None).backward()
        parts = [
            torch.zeros_like(value) if value.grad is None else value.grad
            for value in strategy.model.parameters()
        ]
        return torch.cat([part.flatten() for part in parts])

    def _stored(self, rows: list[int]) -> Tensor:
        return as_floats(torch.stack([self.images[row] for row in rows])).to(self.device)
