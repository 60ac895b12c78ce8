"""TAME's switching rule: when the expert that learns a stream no longer fits it, and what then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, pstdev
from typing import Any

DEVIATIONS = 3.0
"""Deviations of the window between its mean and the threshold, as in the source."""


@dataclass
class LossWindow:
    """The losses of one expert, each of a batch before it was trained on it.

    Attributes:
        first: the loss of the untrained network on its first batch.
        losses: the last losses while the expert was active.
        smoothed: exponential average over all batches.
        smoothed_active: exponential average over the batches while it was active.
        threshold: the latest threshold while it was active.
    """

    first: float
    losses: list[float]
    smoothed: float
    smoothed_active: float
    threshold: float


class SwitchingRule:
    """Says for each batch which expert learns it: the active one, an earlier one, or a new one.

    Source: the code of TAME (task-agnostic continual learning with multiple experts). There the
    least deviation is 0.005 for a cross-entropy that starts at log 2; here it is a share of the
    loss of the untrained network, since losses of detectors have other units.
    """

    def __init__(self, window: int, smoothing: float, floor: float) -> None:
        """Make a rule without experts.

        Args:
            window: number of losses that a threshold is computed from.
            smoothing: weight of the newest loss in an exponential average.
            floor: least deviation, as a share of the loss of the untrained network.
        """
        self.window = window
        self.smoothing = smoothing
        self.floor = floor
        self.experts: list[LossWindow] = []
        self.active = -1

    def choose(self, losses: Sequence[float]) -> int | None:
        """Choose the expert of a batch.

        The active expert stays unless its smoothed loss exceeds the mean of its window by three
        deviations. Then the first expert is chosen whose loss, smoothed with those from when it was
        active, is below the last threshold that it had; this can be the active one.

        Args:
            losses: loss of the batch for each expert, before training.

        Returns:
            Index of the expert; None for a new one.
        """
        for expert, loss in zip(self.experts, losses, strict=True):
            expert.smoothed = self._smooth(expert.smoothed, loss)
        if not self.experts:
            return None
        active = self.experts[self.active]
        least = self.floor * active.first
        active.threshold = fmean(active.losses) + DEVIATIONS * max(pstdev(active.losses), least)
        if active.smoothed <= active.threshold:
            return self.active
        for index, (expert, loss) in enumerate(zip(self.experts, losses, strict=True)):
            if self._smooth(expert.smoothed_active, loss) < expert.threshold:
                return index
        return None

    def add(self, loss: float) -> int:
        """Add an expert whose untrained network has this loss on the batch; return its index."""
        threshold = loss * (1 + DEVIATIONS * self.floor)
        self.experts.append(LossWindow(loss, [], loss, loss, threshold))
        return len(self.experts) - 1

    def learn(self, index: int, loss: float) -> None:
        """Make an expert the active one, which learns a batch with this loss before training."""
        expert = self.experts[index]
        expert.losses = [*expert.losses, loss][-self.window :]
        expert.smoothed_active = self._smooth(expert.smoothed_active, loss)
        self.active = index

    def state(self) -> dict[str, Any]:
        """All losses as plain values."""
        return {"active": self.active, "experts": [asdict(each) for each in self.experts]}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.active = state["active"]
        self.experts = [LossWindow(**each) for each in state["experts"]]

    def _smooth(self, average: float, loss: float) -> float:
        return self.smoothing * loss + (1 - self.smoothing) * average
