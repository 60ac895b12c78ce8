"""Progress as plain lines on standard error, for logs and pipes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence

from ...results.sanitizing import printable
from ..system.reporting import Kind, Silent, Task
from .pace import OpenTasks, Pace

_MIN_PAUSE = 5.0
"""Seconds between two lines about a task; the pause grows with the time that the task takes."""

_MIN_PAUSE_OF_UNEQUAL_UNITS = 30.0
"""The same for cells and experiences: each cell has a line of its own too."""

_MAX_PAUSE = 60.0


class _LineTask(Pace):
    """A task that prints its state at growing intervals."""

    printed_at = 0.0

    def advance(
        self, amount: int = 1, kind: Kind | None = None, seconds: float | None = None
    ) -> None:
        super().advance(amount, kind, seconds)
        passed = self.seconds
        least = _MIN_PAUSE if self.has_rate else _MIN_PAUSE_OF_UNEQUAL_UNITS
        pause = min(max(least, passed / 10), _MAX_PAUSE)
        if passed - self.printed_at >= pause and self.done < self.total:
            self.printed_at = passed
            print_line(f"{self.description}: {self.state}, {self.times}")


class Lines:
    """Reporter for logs and pipes: plain lines without control characters."""

    def __init__(self, verbosity: int = 0) -> None:
        self.verbosity = verbosity
        self.open = OpenTasks()

    @contextlib.contextmanager
    def task(
        self, description: str, total: int, unit: str, kinds: Sequence[Kind] = ()
    ) -> Iterator[Task]:
        task = _LineTask(description, total, unit, kinds)
        with self.open.opened(task):
            yield task
        if task.summary:
            print_line(task.summary)

    def line(self, text: str) -> None:
        print_line(text)

    def detail(self, text: str) -> None:
        if self.verbosity >= 1:
            print_line(text)

    def warn(self, text: str) -> None:
        print_line(f"warning: {text}")


class Quiet(Silent):
    """Reporter for `-q`: warnings only."""

    def warn(self, text: str) -> None:
        print_line(f"warning: {text}")


def print_line(text: str) -> None:
    """Print a line on standard error, with control characters escaped."""
    print(printable(text), file=sys.stderr, flush=True)
