"""Progress as plain lines on standard error, for logs and pipes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from ...results.sanitizing import printable
from ..system.reporting import Silent, Task
from .pace import UNITS_WITH_RATE, Pace

_MIN_PAUSE = 5.0  # seconds between two lines about a task; grows with the time it takes
_MAX_PAUSE = 60.0


class _LineTask(Pace):
    """A task that prints its state every few seconds."""

    printed_at = 0.0

    def advance(self, amount: int = 1) -> None:
        self.done += amount
        seconds = self.seconds
        pause = min(max(_MIN_PAUSE, seconds / 10), _MAX_PAUSE)
        if self.unit in UNITS_WITH_RATE and seconds - self.printed_at >= pause:
            self.printed_at = seconds
            left = (self.total - self.done) * seconds / self.done
            _print_line(f"{self.description}: {self.state}, {left:.0f} s left")


class Lines:
    """Reporter for logs and pipes: plain lines without control characters."""

    def __init__(self, verbosity: int) -> None:
        self.verbosity = verbosity

    @contextlib.contextmanager
    def task(self, description: str, total: int, unit: str) -> Iterator[Task]:
        task = _LineTask(description, total, unit)
        yield task
        if task.summary:
            _print_line(task.summary)

    def line(self, text: str) -> None:
        _print_line(text)

    def detail(self, text: str) -> None:
        if self.verbosity >= 1:
            _print_line(text)

    def warn(self, text: str) -> None:
        _print_line(f"warning: {text}")


class Quiet(Silent):
    """Reporter for `-q`: warnings only."""

    def warn(self, text: str) -> None:
        _print_line(f"warning: {text}")


def _print_line(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)
