"""How much of a task is done, how fast, and how long the rest will take."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

from ..system.reporting import Kind
from .time_left import TimeLeft

MIN_REPORTED = 1.0
"""Seconds; a shorter task gets no line at its end."""

UNITS_WITH_RATE = ("images", "MB")
"""Units of equal cost, for which a rate is meaningful."""


class Pace:
    """The state of a task.

    Attributes:
        excluded: seconds of nested tasks that are done once for all units, such as extracting
            features.
    """

    def __init__(self, description: str, total: int, unit: str, kinds: Sequence[Kind] = ()) -> None:
        self.description = description
        self.total = total
        self.unit = unit
        self.done = 0
        self.excluded = 0.0
        self.started = time.monotonic()
        self._time_left = TimeLeft(kinds) if kinds else None
        self._advanced_at = 0.0
        self._estimate: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds since the task began."""
        return time.monotonic() - self.started

    @property
    def has_rate(self) -> bool:
        """Whether all units cost the same."""
        return self.unit in UNITS_WITH_RATE

    def advance(
        self, amount: int = 1, kind: Kind | None = None, seconds: float | None = None
    ) -> None:
        """See `reporting.Task`."""
        self.done += amount
        now = self.seconds - self.excluded
        if self._time_left and kind:
            self._time_left.finish(kind, now - self._advanced_at if seconds is None else seconds)
            self._estimate = self._time_left.estimate(now)
        self._advanced_at = now

    @property
    def rate(self) -> str:
        """Such as `54.2 images/s`."""
        return f"{self.done / max(self.seconds, 1e-9):.1f} {self.unit}/s"

    @property
    def state(self) -> str:
        """Such as `64/347, 54.2 images/s`, or `2/3 experiences` for units of unequal cost."""
        if self.has_rate and self.done:
            return f"{self.done}/{self.total}, {self.rate}"
        counts = f"{self.done}/{self.total}"
        return counts if self.unit == self.description else f"{counts} {self.unit}"

    @property
    def elapsed(self) -> str:
        """Such as `3:56` or `1:02:03`."""
        minutes, seconds = divmod(int(self.seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

    @property
    def left(self) -> str | None:
        """Such as `about 12 min left`; None while that cannot be estimated."""
        if self.done >= self.total:
            return None
        if self.has_rate and self.done:
            return f"{_format_duration(self.seconds * (self.total / self.done - 1))} left"
        if self._estimate is None:
            return None
        passed = self.seconds - self.excluded - self._advanced_at
        return f"about {_format_duration(max(self._estimate - passed, 1))} left"

    @property
    def times(self) -> str:
        """Such as `3:56 elapsed, about 12 min left`, or `36 s left` for units of equal cost."""
        if self.has_rate and self.left:
            return self.left
        return ", ".join(filter(None, (f"{self.elapsed} elapsed", self.left)))

    @property
    def summary(self) -> str | None:
        """The line at the end of the task, if any; each cell already has a line of its own."""
        if not self.has_rate or not self.done or self.seconds < MIN_REPORTED:
            return None
        done = f"{self.done} {self.unit} in {self.seconds:.1f} s"
        return f"{self.description}: {done}, {self.rate}"


class OpenTasks:
    """The tasks that a reporter shows at the moment, outermost first."""

    def __init__(self) -> None:
        self.tasks: list[Pace] = []

    @contextlib.contextmanager
    def opened(self, pace: Pace) -> Iterator[None]:
        """List a task while it runs; a nested task with a rate adds its time to `excluded`."""
        self.tasks.append(pace)
        try:
            yield
        finally:
            self.tasks.remove(pace)
            if pace.has_rate:
                for outer in self.tasks:
                    outer.excluded += pace.seconds


def _format_duration(seconds: float) -> str:
    """Such as `36 s`, `12 min` or `1 h 20 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
