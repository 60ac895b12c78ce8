"""Progress on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ....results.sanitizing import printable
from ...system.reporting import Reporter, Silent, Task

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

_MIN_PAUSE = 5.0  # seconds between two lines about a task; grows with the time it takes
_MAX_PAUSE = 60.0
_MIN_REPORTED = 1.0  # seconds; a shorter task gets no line at its end
_UNITS_WITH_RATE = ("images", "MB")  # units of equal cost, for which a rate is meaningful


def choose_reporter(verbosity: int) -> Reporter:
    """The reporter for -q (-1), the default (0) and -v (1)."""
    if verbosity < 0:
        return Quiet()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from rich.console import Console

        return Bars(verbosity, Console(stderr=True))
    return Lines(verbosity)


class _Pace:
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
        if self.unit in _UNITS_WITH_RATE and self.done:
            return f"{self.done}/{self.total}, {self.rate}"
        return f"{self.done}/{self.total} {self.unit}"

    @property
    def summary(self) -> str | None:
        """The line at the end of the task, if any; each cell already has a line of its own."""
        if self.unit not in _UNITS_WITH_RATE or not self.done or self.seconds < _MIN_REPORTED:
            return None
        done = f"{self.done} {self.unit} in {self.seconds:.1f} s"
        return f"{self.description}: {done}, {self.rate}"


class _LineTask(_Pace):
    """A task that prints its state every few seconds."""

    printed_at = 0.0

    def advance(self, amount: int = 1) -> None:
        self.done += amount
        seconds = self.seconds
        pause = min(max(_MIN_PAUSE, seconds / 10), _MAX_PAUSE)
        if self.unit in _UNITS_WITH_RATE and seconds - self.printed_at >= pause:
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


class _BarTask(_Pace):
    """A task shown as description, bar, state and time left."""

    def __init__(self, progress: Progress, description: str, total: int, unit: str) -> None:
        super().__init__(description, total, unit)
        self.progress = progress
        self.bar: TaskID = progress.add_task(printable(description), total=total, state=self.state)

    def advance(self, amount: int = 1) -> None:
        self.done += amount
        self.progress.update(self.bar, advance=amount, state=self.state)


class Bars:
    """Reporter for terminals: one bar per running task, removed when the task ends."""

    def __init__(self, verbosity: int, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.verbosity = verbosity
        self.depth = 0
        # No markup: descriptions contain users' names, which may have brackets.
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[state]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=console,
            expand=True,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )

    @contextlib.contextmanager
    def task(self, description: str, total: int, unit: str) -> Iterator[Task]:
        task = _BarTask(self.progress, description, total, unit)
        if self.depth == 0:
            self.progress.start()
        self.depth += 1
        try:
            yield task
        finally:
            self.progress.remove_task(task.bar)
            self.depth -= 1
            if self.depth == 0:
                self.progress.stop()
        if task.summary:
            self.line(task.summary)

    def line(self, text: str) -> None:
        self._print(text)

    def detail(self, text: str) -> None:
        if self.verbosity >= 1:
            self._print(text)

    def warn(self, text: str) -> None:
        self._print(("warning:", "yellow"), f" {text}")

    def _print(self, *parts: str | tuple[str, str]) -> None:
        from rich.text import Text

        # The terminal wraps long lines, not rich, so that long paths can be copied.
        text = Text()
        for part in parts:
            words, style = (part, "") if isinstance(part, str) else part
            text.append(printable(words), style)
        self.progress.console.print(text, soft_wrap=True)


def _print_line(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)
