"""Estimate how long the remaining units of a task will take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..system.reporting import Kind


@dataclass
class _Cost:
    """The units of a kind that were computed, and the seconds they took."""

    units: int = 0
    seconds: float = 0.0


class TimeLeft:
    """Estimates the cost of the remaining units from the finished units of their kind.

    A kind without finished units is assumed to cost as much as the last finished kind among those
    with the same first word. The cells of a sweep share work, so the first ones cost most.
    """

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self.left = Counter(kinds)
        self.costs: dict[Kind, _Cost] = {}
        self.latest: dict[str, Kind] = {}

    def finish(self, kind: Kind, seconds: float) -> None:
        """Count a unit as finished; a unit that took 0 seconds is not used for estimates."""
        self.left[kind] -= 1
        if seconds > 0:
            cost = self.costs.setdefault(kind, _Cost())
            cost.units += 1
            cost.seconds += seconds
            self.latest[kind[0]] = kind

    def estimate(self, elapsed: float) -> float | None:
        """Seconds that the remaining units will take; None while some cannot be estimated.

        Args:
            elapsed: duration of the finished units. It is shorter than the sum of their costs if
                several are computed at the same time.
        """
        total = 0.0
        for kind, units in self.left.items():
            if units <= 0:
                continue
            known = kind if kind in self.costs else self.latest.get(kind[0])
            if known is None:
                return None
            total += units * self.costs[known].seconds / self.costs[known].units
        spent = sum(cost.seconds for cost in self.costs.values())
        return total * elapsed / spent if spent else None
