"""Progress on a terminal (bars) and elsewhere (plain lines), always on standard error."""

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

_QUIET_SECONDS = 5.0
_LONG_QUIET = 60.0  # the longer the work, the rarer its lines, down to one in so many seconds
_WORTH_SAYING = 1.0  # seconds: shorter work gets no line at its end
_RATED = ("images", "MB")  # units that are alike, so that a rate says something


def choose_reporter(verbosity: int) -> Reporter:
    """The reporter for -q (-1), the default (0) and -v (1)."""
    if verbosity < 0:
        return Quiet()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from rich.console import Console

        return Bars(verbosity, Console(stderr=True))
    return Lines(verbosity)


class _Pace:
    """How much of a task is done, and how fast that went."""

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
        """`54.2 images/s`."""
        return f"{self.done / max(self.seconds, 1e-9):.1f} {self.unit}/s"

    @property
    def state(self) -> str:
        """`64/347, 54.2 images/s`; `2/3 cells`, since these differ too much for a rate."""
        if self.unit in _RATED and self.done:
            return f"{self.done}/{self.total}, {self.rate}"
        return f"{self.done}/{self.total} {self.unit}"

    @property
    def closing(self) -> str | None:
        """What remains to be said at the end; nothing of cells, which have lines of their own."""
        if self.unit not in _RATED or not self.done or self.seconds < _WORTH_SAYING:
            return None
        done = f"{self.done} {self.unit} in {self.seconds:.1f} s"
        return f"{self.description}: {done}, {self.rate}"


class _LineTask(_Pace):
    """Says how far it is every few seconds."""

    said = 0.0

    def advance(self, amount: int = 1) -> None:
        self.done += amount
        seconds = self.seconds
        quiet = min(max(_QUIET_SECONDS, seconds / 10), _LONG_QUIET)
        if self.unit in _RATED and seconds - self.said >= quiet:
            self.said = seconds
            left = (self.total - self.done) * seconds / self.done
            _say(f"{self.description}: {self.state}, {left:.0f} s left")


class Lines:
    """For logs and pipes: no control characters."""

    def __init__(self, verbosity: int) -> None:
        self.verbosity = verbosity

    @contextlib.contextmanager
    def task(self, description: str, total: int, unit: str) -> Iterator[Task]:
        task = _LineTask(description, total, unit)
        yield task
        if task.closing:
            _say(task.closing)

    def line(self, text: str) -> None:
        _say(text)

    def detail(self, text: str) -> None:
        if self.verbosity >= 1:
            _say(text)

    def warn(self, text: str) -> None:
        _say(f"warning: {text}")


class Quiet(Silent):
    """Warnings only."""

    def warn(self, text: str) -> None:
        _say(f"warning: {text}")


class _BarTask(_Pace):
    """A line of the bars: description, bar, state, time left."""

    def __init__(self, progress: Progress, description: str, total: int, unit: str) -> None:
        super().__init__(description, total, unit)
        self.progress = progress
        self.bar: TaskID = progress.add_task(printable(description), total=total, state=self.state)

    def advance(self, amount: int = 1) -> None:
        self.done += amount
        self.progress.update(self.bar, advance=amount, state=self.state)


class Bars:
    """For terminals: a bar for each piece of work under way, which goes when it is done."""

    def __init__(self, verbosity: int, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.verbosity = verbosity
        self.depth = 0
        # No markup: descriptions hold names that users chose, brackets included.
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
        if task.closing:
            self.line(task.closing)

    def line(self, text: str) -> None:
        self._print(text)

    def detail(self, text: str) -> None:
        if self.verbosity >= 1:
            self._print(text)

    def warn(self, text: str) -> None:
        self._print(("warning:", "yellow"), f" {text}")

    def _print(self, *parts: str | tuple[str, str]) -> None:
        from rich.text import Text

        # The terminal breaks long lines, not rich, so that paths can be copied whole.
        text = Text()
        for part in parts:
            words, style = (part, "") if isinstance(part, str) else part
            text.append(printable(words), style)
        self.progress.console.print(text, soft_wrap=True)


def _say(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)
