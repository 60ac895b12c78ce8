"""Progress in a Jupyter notebook: one HTML bar, updated in place."""

from __future__ import annotations

import contextlib
import html
import importlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ...results.sanitizing import printable
from ..system.reporting import Kind, Task
from .lines import print_line
from .pace import OpenTasks, Pace

_PAUSE = 0.25
"""Seconds between two updates of the bar."""


def is_notebook() -> bool:
    """Whether this process is the kernel of a notebook. IPython is not imported to find out."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    # Also the shells derived from it, such as the one of Google Colab.
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


class NotebookBars:
    """Reporter for notebooks: a bar for the outermost task, and the state of the inner ones below.

    The last state stays when the task ends. The next task uses the same place.
    """

    def __init__(self, verbosity: int = 0) -> None:
        self.verbosity = verbosity
        self.open = OpenTasks()
        self._handle: Any = None
        self._shown_at = 0.0

    @contextlib.contextmanager
    def task(
        self, description: str, total: int, unit: str, kinds: Sequence[Kind] = ()
    ) -> Iterator[Task]:
        task = _NotebookTask(self, description, total, unit, kinds)
        with self.open.opened(task):
            self.show()
            try:
                yield task
            finally:
                self.show(now=len(self.open.tasks) == 1)

    def line(self, text: str) -> None:
        print(printable(text), flush=True)

    def detail(self, text: str) -> None:
        if self.verbosity >= 1:
            self.line(text)

    def warn(self, text: str) -> None:
        print_line(f"warning: {text}")

    def show(self, *, now: bool = False) -> None:
        """Update the bar, unless the last update was less than `_PAUSE` seconds ago.

        Args:
            now: update regardless of the last update.
        """
        passed = time.monotonic() - self._shown_at
        if self._handle and not now and passed < _PAUSE:
            return
        self._shown_at = time.monotonic()
        content = {"text/html": _to_html(self.open.tasks), "text/plain": _to_text(self.open.tasks)}
        if self._handle:
            self._handle.update(content, raw=True)
        else:
            display = importlib.import_module("IPython.display").display
            self._handle = display(content, raw=True, display_id=True)


class _NotebookTask(Pace):
    """A task that updates the bar of its reporter."""

    def __init__(
        self,
        reporter: NotebookBars,
        description: str,
        total: int,
        unit: str,
        kinds: Sequence[Kind],
    ) -> None:
        super().__init__(description, total, unit, kinds)
        self.reporter = reporter

    def advance(
        self, amount: int = 1, kind: Kind | None = None, seconds: float | None = None
    ) -> None:
        super().advance(amount, kind, seconds)
        self.reporter.show()


def _to_html(tasks: Sequence[Pace]) -> str:
    outermost, *inner = tasks
    rows = [
        f'<label>{_label(outermost)} <progress max="{outermost.total}" value="{outermost.done}">'
        f"</progress> {_state(outermost)}</label>",
        *(f"<small>{_label(task)}: {_state(task)}</small>" for task in inner),
    ]
    return f'<div class="cadbench-progress">{"<br>".join(rows)}</div>'


def _to_text(tasks: Sequence[Pace]) -> str:
    """The same for viewers without HTML."""
    return "\n".join(f"{printable(task.description)}: {task.state}, {task.times}" for task in tasks)


def _label(task: Pace) -> str:
    return html.escape(printable(task.description))


def _state(task: Pace) -> str:
    return html.escape(f"{task.state}, {task.times}")
