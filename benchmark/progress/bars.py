"""Progress as bars on a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...results.sanitizing import printable
from ..system.reporting import Task
from .pace import Pace

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


class _BarTask(Pace):
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
