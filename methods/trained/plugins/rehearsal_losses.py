"""Rehearsal: DER++, maximally interfered retrieval, and replay of generated images."""

from __future__ import annotations

import copy
from typing import Any

import torch
from avalanche.training.plugins import SupervisedPlugin
from torch import Tensor, nn
from torch.func import functional_call

from .image_buffer import ImageBuffer
from .training import View


class DarkExperienceReplay(SupervisedPlugin):
    """DER++: keeps old predictions on stored images, and trains on stored images.

    Source: Buzzega et al., "Dark Experience for General Continual Learning" (NeurIPS 2020). Both
    terms use images of their own. Avalanche's class is a strategy for class logits.
    """

    def __init__(self, buffer: ImageBuffer, alpha: float, beta: float, view: View) -> None:
        """Make the plugin for one experience.

        Args:
            buffer: images with old predictions.
            alpha: weight of the distance to the old predictions, in the units of the loss.
            beta: weight of the loss on stored images.
            view: `TrainedDetector.training_view`.
        """
        super().__init__()
        self.buffer, self.alpha, self.beta, self.view = buffer, alpha, beta, view

    def before_backward(self, strategy: Any, **kwargs: Any) -> None:
        if not len(self.buffer):
            return
        network, count = strategy.model, strategy.train_mb_size
        if self.alpha:
            images, old = self.buffer.draw(count)
            images, *old = self.view([images, *old])
            errors = network.errors(network.predictions(images), old)
            strategy.loss = strategy.loss + self.alpha * strategy._criterion(errors, None)
        if self.beta:
            (images,) = self.view([self.buffer.draw(count)[0]])
            strategy.loss = strategy.loss + self.beta * strategy._criterion(network(images), None)


class GenerativeReplay(SupervisedPlugin):
    """Adds images to each batch that the network before the experience generates.

    Source: Shin et al., "Continual Learning with Deep Generative Replay" (NeurIPS 2017); Wiewel and
    Yang (ICASSP 2019) use the decoder of the autoencoder itself as the generator.
    """

    def __init__(self, old: Any, share: float, view: View) -> None:
        """Make the plugin for one experience.

        Args:
            old: the network before the experience; it is copied.
            share: generated images per image of a batch.
            view: `TrainedDetector.training_view`.
        """
        super().__init__()
        self.old = copy.deepcopy(old).eval()
        self.share, self.view = share, view

    def before_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        (images,) = self.view([strategy.mbatch[0]])
        generated = self.old.generate(round(self.share * len(images)))
        strategy.mbatch[0] = torch.cat([images, generated])


class InterferedRetrieval(SupervisedPlugin):
    """ER-MIR: trains on those stored images whose loss the next step would raise most.

    Source: Aljundi et al., "Online Continual Learning with Maximally Interfered Retrieval" (NeurIPS
    2019). Avalanche's plugin copies the network in each step, lets the virtual step change the
    batch statistics, and skips classes of the last batch; this one does neither.
    """

    def __init__(self, buffer: ImageBuffer, candidates: int, view: View) -> None:
        """Make the plugin for one experience.

        Args:
            buffer: the stored images.
            candidates: number of stored images of which a batch is chosen.
            view: `TrainedDetector.training_view`.
        """
        super().__init__()
        self.buffer, self.candidates, self.view = buffer, candidates, view

    def before_backward(self, strategy: Any, **kwargs: Any) -> None:
        if not len(self.buffer):
            return
        network, criterion = strategy.model, strategy._criterion
        (images,) = self.view([self.buffer.draw(self.candidates)[0]])
        names, values = zip(*network.named_parameters(), strict=True)
        gradients = torch.autograd.grad(strategy.loss, values, retain_graph=True, allow_unused=True)
        lr = strategy.optimizer.param_groups[0]["lr"]
        stepped = {
            name: value if gradient is None else value - lr * gradient
            for name, value, gradient in zip(names, values, gradients, strict=True)
        }
        devices = [strategy.device] if strategy.device.type == "cuda" else []
        with torch.no_grad():
            with torch.random.fork_rng(devices):  # a network's noise is the same for both losses
                before = self._losses(network, {}, images)
            after = self._losses(network, stepped, images)
        hardest = (after - before).argsort(descending=True)[: strategy.train_mb_size]
        strategy.loss = strategy.loss + criterion(network(images[hardest]), None)

    def _losses(self, network: nn.Module, parameters: dict[str, Tensor], images: Tensor) -> Tensor:
        """Loss (B,) of each image with some parameters replaced; batch statistics stay."""
        buffers = {name: value.clone() for name, value in network.named_buffers()}
        errors: Tensor = functional_call(network, {**parameters, **buffers}, (images,))
        return errors.square().sum(1)
