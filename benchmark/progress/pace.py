"""How much of a task is done, and how fast."""

from __future__ import annotations

import time

MIN_REPORTED = 1.0
"""Seconds; a shorter task gets no line at its end."""

UNITS_WITH_RATE = ("images", "MB")
"""Units of equal cost, for which a rate is meaningful."""


class Pace:
    """How much of a task is done, and how fast."""

    def __init__(self, description: str, total: int, unit: str) -> None:
        self.description = description
        self.total = total
        self.unit = unit
        self.done = 0
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def rate(self) -> str:
        """Such as `54.2 images/s`."""
        return f"{self.done / max(self.seconds, 1e-9):.1f} {self.unit}/s"

    @property
    def state(self) -> str:
        """Such as `64/347, 54.2 images/s`, or `2/3 cells` for units of unequal cost."""
        if self.unit in UNITS_WITH_RATE and self.done:
            return f"{self.done}/{self.total}, {self.rate}"
        return f"{self.done}/{self.total} {self.unit}"

    @property
    def summary(self) -> str | None:
        """The line at the end of the task, if any; each cell already has a line of its own."""
        if self.unit not in UNITS_WITH_RATE or not self.done or self.seconds < MIN_REPORTED:
            return None
        done = f"{self.done} {self.unit} in {self.seconds:.1f} s"
        return f"{self.description}: {done}, {self.rate}"
