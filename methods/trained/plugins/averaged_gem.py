"""Averaged gradient episodic memory (A-GEM): Avalanche's plugin with a buffer that can be saved."""

from __future__ import annotations

from typing import Any

import torch
from avalanche.training.plugins import AGEMPlugin

from .image_buffer import ImageBuffer
from .training import View


class AveragedGEM(AGEMPlugin):
    """Removes from each gradient the part that would raise the loss on stored images.

    Source: Chaudhry et al., "Efficient Lifelong Learning with A-GEM" (ICLR 2019). Avalanche chooses
    the stored images with Python's global random numbers, which a run does not seed; the buffer
    here chooses them.
    """

    def __init__(self, buffer: ImageBuffer, sample_size: int, view: View) -> None:
        """Make the plugin for one experience.

        Args:
            buffer: the stored images.
            sample_size: number of stored images of each reference gradient.
            view: `TrainedDetector.training_view`.
        """
        super().__init__(patterns_per_experience=buffer.size, sample_size=sample_size)
        self.buffer, self.view = buffer, view
        self.buffers = list(buffer.groups)  # Avalanche only asks whether there are any

    def sample_from_memory(self) -> tuple[Any, Any, Any]:
        (images,) = self.view([self.buffer.draw(self.sample_size)[0]])
        targets = torch.zeros(len(images), dtype=torch.long, device=images.device)
        return images, targets, targets

    def update_memory(self, dataset: Any, num_workers: int = 0, **kwargs: Any) -> None:
        """The strategy stores images after training, with the rest of its state."""
