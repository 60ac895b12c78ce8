"""A buffer of training images of earlier experiences, with old predictions if a strategy asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from ..stored_images import Inputs, as_floats, read_experience

if TYPE_CHECKING:
    from ....benchmark.interface.experience import TrainExperience

Predict: TypeAlias = Callable[[Tensor], list[Tensor]]
_BATCH = 32


class ImageBuffer:
    """Random training images of earlier experiences, equally many of each.

    Images are drawn from all experiences with equal probability.
    """

    def __init__(self, size: int, state: dict[str, Any], device: torch.device) -> None:
        """Make the buffer for one experience.

        Args:
            size: number of images that it holds at most.
            state: what `updated` returned after the last experience; empty before the first.
            device: where the images are used.
        """
        self.size = size
        self.device = device
        self.groups = list(state.get("groups", ()))

    def __len__(self) -> int:
        return sum(len(group["values"]) for group in self.groups)

    def draw(self, count: int) -> tuple[Tensor, list[Tensor]]:
        """Return `count` different images, or all, and their old predictions if they are stored."""
        rows = torch.randperm(len(self))[:count]
        images, predictions = [], []
        start = 0
        for group in self.groups:
            stop = start + len(group["values"])
            picked = rows[(rows >= start) & (rows < stop)] - start
            start = stop
            images.append(as_floats(group["values"][picked]))
            predictions.append([each[picked].float() for each in group.get("predictions", ())])
        joined = [torch.cat(parts).to(self.device) for parts in zip(*predictions, strict=True)]
        return torch.cat(images).to(self.device), joined

    def updated(
        self, experience: TrainExperience, inputs: Inputs, predict: Predict | None = None
    ) -> dict[str, Any]:
        """Return the state of the buffer with an experience in it.

        Args:
            experience: the experience to add; a random part of it is stored.
            inputs: what to store of its images.
            predict: computes predictions, which are stored as float16.
        """
        if not self.size:
            return {}
        count = len(self.groups) + 1
        rooms = [self.size // count + (index < self.size % count) for index in range(count)]
        whole = read_experience(experience, inputs)
        rows = torch.randperm(len(whole["values"]))[: rooms[-1]]
        group = {
            "values": whole["values"][rows],
            "targets": [whole["targets"][row] for row in rows.tolist()],
        }
        if predict:
            group["predictions"] = self._predictions(group["values"], predict)
        return {
            "groups": [
                {
                    name: value[:room] if name != "predictions" else [v[:room] for v in value]
                    for name, value in each.items()
                }
                for each, room in zip([*self.groups, group], rooms, strict=True)
            ]
        }

    def _predictions(self, values: Tensor, predict: Predict) -> list[Tensor]:
        parts = [
            [each.half().cpu() for each in predict(as_floats(part).to(self.device))]
            for part in values.split(_BATCH)
        ]
        return [torch.cat(each) for each in zip(*parts, strict=True)]
