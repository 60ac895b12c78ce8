"""Progress as bars on a terminal. Importing this file imports rich."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn
from rich.progress import Task as RichTask
from rich.table import Column
from rich.text import Text

from ...results.rendering.wrapping import wrap_words
from ...results.sanitizing import printable
from ..system.reporting import Kind, Task
from .pace import OpenTasks, Pace


class _BarTask(Pace):
    """A task shown as description, bar, state and times."""

    def __init__(
        self, progress: Progress, description: str, total: int, unit: str, kinds: Sequence[Kind]
    ) -> None:
        super().__init__(description, total, unit, kinds)
        self.progress = progress
        self.bar: TaskID = progress.add_task(printable(description), total=total, pace=self)

    def advance(
        self, amount: int = 1, kind: Kind | None = None, seconds: float | None = None
    ) -> None:
        super().advance(amount, kind, seconds)
        self.progress.update(self.bar, advance=amount)


class _State(ProgressColumn):
    """The state and the times of a task at the moment of rendering."""

    def __init__(self) -> None:
        super().__init__(table_column=Column(no_wrap=True))

    def render(self, task: RichTask) -> Text:
        pace: Pace = task.fields["pace"]
        return Text(f"{pace.state}, {pace.times}")


class Bars:
    """Reporter for terminals: one bar per running task, removed when the task ends."""

    def __init__(self, verbosity: int, console: Console) -> None:
        self.verbosity = verbosity
        self.open = OpenTasks()
        # No markup: descriptions contain users' names, which may have brackets.
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            _State(),
            console=console,
            expand=True,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )

    @contextlib.contextmanager
    def task(
        self, description: str, total: int, unit: str, kinds: Sequence[Kind] = ()
    ) -> Iterator[Task]:
        task = _BarTask(self.progress, description, total, unit, kinds)
        if not self.open.tasks:
            self.progress.start()
        try:
            with self.open.opened(task):
                yield task
        finally:
            self.progress.remove_task(task.bar)
            if not self.open.tasks:
                self.progress.stop()
        if task.summary:
            self.line(task.summary)

    def line(self, text: str) -> None:
        self._print(text)

    def detail(self, text: str) -> None:
        if self.verbosity >= 1:
            self._print(text)

    def warn(self, text: str) -> None:
        self._print(f"warning: {text}", yellow=len("warning:"))

    def _print(self, text: str, yellow: int = 0) -> None:
        console = self.progress.console
        shown = Text(wrap_words(printable(text), console.width))
        shown.stylize("yellow", 0, yellow)
        console.print(shown, soft_wrap=True)  # else rich would break long paths
